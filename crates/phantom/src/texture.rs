//! Smooth random curves and fields (value noise): waves of a fascia, fibres of a muscle, a shredded border.

/// A field of values in -1…1 on a lattice of whole numbers, interpolated smoothly; fixed by its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texture {
    key: u32,
}

impl Texture {
    /// The field with this key.
    pub(crate) fn new(seed: u64, field: u32) -> Self {
        let seed = (seed ^ (seed >> 32)) as u32;
        Self { key: scramble(seed ^ scramble(field.wrapping_add(0x9e37_79b9))) }
    }

    /// Value at the lattice point `(i, j)`: -1…1.
    fn lattice(self, i: i32, j: i32) -> f64 {
        let mixed = scramble((i as u32).wrapping_mul(0x85eb_ca6b) ^ scramble((j as u32) ^ self.key));
        f64::from(mixed) * (2.0 / 4_294_967_295.0) - 1.0
    }

    /// The curve at `x`: -1…1, one bend per unit.
    pub(crate) fn curve(self, x: f64) -> f64 {
        let i = x.floor();
        let t = fade(x - i);
        let i = i as i32;
        let a = self.lattice(i, 0);
        a + (self.lattice(i.wrapping_add(1), 0) - a) * t
    }

    /// The field at `(x, y)`: -1…1.
    pub(crate) fn field(self, x: f64, y: f64) -> f64 {
        let (i, j) = (x.floor(), y.floor());
        let (s, t) = (fade(x - i), fade(y - j));
        let (i, j) = (i as i32, j as i32);
        let (right, below) = (i.wrapping_add(1), j.wrapping_add(1));
        let top = mix(self.lattice(i, j), self.lattice(right, j), s);
        let bottom = mix(self.lattice(i, below), self.lattice(right, below), s);
        mix(top, bottom, t)
    }

    /// A rough curve: three octaves, the finest four times as dense. About -1…1.
    pub(crate) fn rough(self, x: f64) -> f64 {
        (self.curve(x) + 0.5 * self.curve(2.0 * x + 17.0) + 0.35 * self.curve(4.0 * x + 41.0)) / 1.6
    }
}

fn mix(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
}

fn fade(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

/// A mixing function of 32-bit whole numbers: multiply and shift, each step can be undone.
fn scramble(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded_smooth_and_spread() {
        let texture = Texture::new(5, 1);
        let (mut low, mut high) = (1.0_f64, -1.0_f64);
        for n in -3000..3000 {
            let x = f64::from(n) * 0.01;
            let v = texture.curve(x);
            assert!((-1.0..=1.0).contains(&v));
            assert!((texture.curve(x + 1e-4) - v).abs() < 1e-3);
            let f = texture.field(x, 0.37 * x);
            assert!((-1.0..=1.0).contains(&f) && texture.rough(x).abs() <= 1.2);
            (low, high) = (low.min(v), high.max(v));
        }
        assert!(low < -0.7 && high > 0.7, "{low} {high}");
        assert_ne!(Texture::new(5, 1).curve(0.5), Texture::new(5, 2).curve(0.5));
        assert_ne!(Texture::new(5, 1).curve(0.5), Texture::new(6, 1).curve(0.5));
    }
}
