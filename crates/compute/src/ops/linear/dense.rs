//! Linear layer on the host: f32 products by burn, tile by tile, block formats by [`BlockLinear`]; then
//! bias, activation and residual. Tiles are the same for any number of threads.

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::Linear;
use super::host::BlockLinear;
use crate::host::call::{Call, Data, Seen};
use crate::host::matmul::{matrix, product};
use crate::host::rows::each_row;

/// Rows of x multiplied at a time: bounds the copy of x that burn is given.
const TILE_ROWS: usize = 1024;

/// Columns of the result computed at a time.
const TILE_COLUMNS: usize = 4096;

/// Up to this many rows a product is shared among the threads by columns; burn would use one thread.
const FEW_ROWS: usize = 4;

/// Columns of one task then.
const FEW_ROWS_COLUMNS: usize = 512;

pub(super) fn run(op: &Linear, call: &mut Call<'_>) {
    let layer = Layer {
        op,
        bias: op.bias.then(|| call.numbers(2)),
        residual: op.residual.then(|| call.inputs[op.residual_operand()]),
        columns: call.inputs[1].dims[0],
    };
    let (x, weight, k) = (call.numbers(0), call.inputs[1], call.inputs[1].dims[1]);
    match weight.data {
        Data::Product(product) => layer.blocks(call, x, product, k),
        Data::Matrix(weight) => layer.dense(call.out, x, weight, k),
        _ => {
            let weight = matrix(weight.numbers().to_vec(), [layer.columns, k], &Device::flex());
            layer.dense(call.out, x, &weight, k);
        }
    }
}

/// What is the same for all tiles.
struct Layer<'a> {
    op: &'a Linear,
    bias: Option<&'a [f32]>,
    residual: Option<Seen<'a>>,
    columns: usize,
}

/// Where a tile of products lies in the result: rows from `row` on, columns `column .. column + width`.
#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    column: usize,
    width: usize,
}

impl Layer<'_> {
    fn dense(&self, out: &mut [f32], x: &[f32], weight: &Tensor<2>, k: usize) {
        for (i, x) in x.chunks(TILE_ROWS * k).enumerate() {
            let rows = x.len() / k;
            let x = matrix(x.to_vec(), [rows, k], &Device::flex());
            let few = rows <= FEW_ROWS && self.columns > FEW_ROWS_COLUMNS;
            let step = if few { FEW_ROWS_COLUMNS } else { TILE_COLUMNS };
            let tile = |column| Tile { row: i * TILE_ROWS, column, width: step.min(self.columns - column) };
            let tiles: Vec<Tile> = (0..self.columns).step_by(step).map(tile).collect();
            let multiply = |tile: &Tile| {
                product(x.clone(), weight.clone().narrow(0, tile.column, tile.width).transpose())
            };
            if few {
                let products: Vec<Vec<f32>> = tiles.par_iter().map(multiply).collect();
                tiles.iter().zip(&products).for_each(|(tile, products)| self.finish(out, *tile, products));
            } else {
                tiles.iter().for_each(|tile| self.finish(out, *tile, &multiply(tile)));
            }
        }
    }

    /// Products go straight into the result, unless the residual lies there.
    fn blocks(&self, call: &mut Call<'_>, x: &[f32], weight: &BlockLinear<'_>, k: usize) {
        if !matches!(self.residual, Some(Seen { data: Data::Here, .. })) {
            weight.forward(x, x.len() / k, call.out, call.pool);
            return each_row(call.out, self.columns, |row, out| {
                self.activate(out, 0);
                self.add_residual(out, row * self.columns);
            });
        }
        for (i, x) in x.chunks(TILE_ROWS * k).enumerate() {
            let mut products = vec![0.0; x.len() / k * self.columns];
            weight.forward(x, x.len() / k, &mut products, call.pool);
            self.finish(call.out, Tile { row: i * TILE_ROWS, column: 0, width: self.columns }, &products);
        }
    }

    /// A tile of products (rows, width) into the result.
    fn finish(&self, out: &mut [f32], tile: Tile, products: &[f32]) {
        let Tile { row: first, column, width } = tile;
        let target = &mut out[first * self.columns..][..products.len() / width * self.columns];
        each_row(target, self.columns, |row, out| {
            let (out, products) = (&mut out[column..][..width], &products[row * width..][..width]);
            if let Some(Seen { data: Data::Here, .. }) = self.residual {
                let mut y = products.to_vec();
                self.activate(&mut y, column);
                return out.iter_mut().zip(y).for_each(|(residual, y)| *residual += y);
            }
            out.copy_from_slice(products);
            self.activate(out, column);
            self.add_residual(out, (first + row) * self.columns + column);
        });
    }

    /// Bias and activation on part of a row, from a column on.
    fn activate(&self, y: &mut [f32], column: usize) {
        if let Some(bias) = self.bias {
            y.iter_mut().zip(&bias[column..]).for_each(|(y, b)| *y += b);
        }
        self.op.activation.apply_host(y);
    }

    fn add_residual(&self, y: &mut [f32], start: usize) {
        if let Some(residual) = self.residual {
            y.iter_mut().zip(&residual.numbers()[start..]).for_each(|(y, r)| *y += r);
        }
    }
}
