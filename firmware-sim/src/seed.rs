//! A small random source whose numbers stay the same for good: a recording or a town made from a
//! seed is the same on every machine and after every update (SplitMix64, Steele et al. 2014).

/// A random source of eight bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The source of this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// A source of its own for a part of the whole (a home, a day), so that one part never changes
    /// what another one does.
    pub fn branch(&self, part: u64) -> Self {
        let mut seed = Self(self.0 ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03));
        seed.next();
        Self(seed.next())
    }

    /// The next 64 random bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: it never ends"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from `low` to `high`, both included; `low` if the range is empty.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = i128::from(high) - i128::from(low) + 1;
        if span <= 0 {
            return low;
        }
        let offset = i128::from(self.next()) % span;
        i64::try_from(i128::from(low) + offset).unwrap_or(low)
    }

    /// About `centre`, at most `spread` away, the middle more likely than the ends.
    pub fn about(&mut self, centre: i64, spread: i64) -> i64 {
        let half = spread / 2;
        centre + self.between(-half, half) + self.between(-(spread - half), spread - half)
    }

    /// True `permille` times in a thousand.
    pub fn chance(&mut self, permille: u16) -> bool {
        self.next() % 1000 < u64::from(permille)
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.next() % u64::try_from(from.len().max(1)).ok()?).ok()?;
        from.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_stay_the_same_for_good() {
        let mut seed = Seed::new(42);
        assert_eq!(
            (seed.next(), seed.next()),
            (13_679_457_532_755_275_413, 2_949_826_092_126_892_291)
        );
    }

    #[test]
    fn branches_differ_and_are_repeatable() {
        let seed = Seed::new(7);
        assert_eq!(seed.branch(3), seed.branch(3));
        assert_ne!(seed.branch(3), seed.branch(4));
    }

    #[test]
    fn ranges_hold_both_ends_and_nothing_beyond() {
        let mut seed = Seed::new(1);
        let all: std::collections::BTreeSet<_> = (0..1000).map(|_| seed.between(-2, 2)).collect();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert_eq!(seed.between(5, 4), 5);
        assert!(
            (0..1000)
                .map(|_| seed.about(100, 30))
                .all(|n| (70..=130).contains(&n))
        );
    }
}
