// What becomes of the product of row `row` and the weight's row `output` (of its part).
fn finish(row: u32, output: u32, product: f32) {
    let column = params.first_output + output;
    let at = row * params.outputs + column;
    var sum = product;
//# if BIAS
    sum += bias[column];
//# end
//# if ACTIVATED
    sum = activate(ACTIVATION, sum);
//# end
//# if RESIDUAL
    sum += residual[at];
//# end
    y[at] = sum;
}
