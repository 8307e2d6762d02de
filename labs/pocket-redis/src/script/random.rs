//! The numbers of `math.random` as in Redis: `drand48`'s generator, the same after each start.

/// The generator's state: 48 bits.
#[derive(Debug)]
pub(crate) struct Random(u64);

const BITS: u64 = (1 << 48) - 1;

impl Default for Random {
    fn default() -> Self {
        Self(0x1234_ABCD_330E)
    }
}

impl Random {
    pub(crate) fn seeded(seed: u32) -> Self {
        Self((u64::from(seed) << 16) | 0x330E)
    }

    /// 31 bits, as a number from 0 up to but not including 1.
    pub(crate) fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & BITS;
        let number = u32::try_from(self.0 >> 17).unwrap_or(0) % 0x7FFF_FFFF;
        f64::from(number) / f64::from(0x7FFF_FFFF)
    }
}
