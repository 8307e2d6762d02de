//! Lua's patterns, matched in counted steps.
//!
//! The matcher goes back and tries again, which for some patterns takes longer than anybody can
//! wait. The interpreter's own cannot be interrupted; this one asks for the time as it works.
//!
//! A pattern ends at its first zero byte, as in Lua 5.1.

use std::time::Instant;

use crate::script::char_class;

/// As many captures as Lua allows.
const MAX_CAPTURES: usize = 32;
/// How deep the matcher descends, for the sake of the stack.
const MAX_DEPTH: usize = 200;
/// How many steps it takes between two looks at the clock.
const STEPS_PER_LOOK: u32 = 4096;

/// Why a match came to no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// The time is over.
    Late,
    /// The pattern is none; the text is Lua's.
    Malformed(&'static str),
}

/// A part of the subject that the pattern names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    Open(usize),
    Position(usize),
    Closed(usize, usize),
}

type Found = Result<Option<usize>, Fail>;

/// See the file's head.
pub(super) struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    pub(super) captures: Vec<Capture>,
    deadline: Option<Instant>,
    steps: u32,
    depth: usize,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(subject: &'a [u8], pattern: &'a [u8], deadline: Option<Instant>) -> Self {
        let pattern = until_zero(pattern);
        Self { subject, pattern, captures: Vec::new(), deadline, steps: 0, depth: 0 }
    }

    /// Matches at this place of the subject; gives the end of the match.
    pub(super) fn at(&mut self, place: usize) -> Found {
        self.captures.clear();
        self.depth = 0;
        self.run(place, 0)
    }

    fn byte(&self, at: usize) -> u8 {
        self.subject.get(at).copied().unwrap_or(0)
    }

    fn pat(&self, at: usize) -> u8 {
        char_class::at(self.pattern, at)
    }

    fn step(&mut self) -> Result<(), Fail> {
        self.steps += 1;
        if self.steps >= STEPS_PER_LOOK {
            self.steps = 0;
            if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
                return Err(Fail::Late);
            }
        }
        Ok(())
    }

    /// Tries the rest of the pattern one level deeper.
    fn run(&mut self, s: usize, p: usize) -> Found {
        if self.depth >= MAX_DEPTH {
            return Err(Fail::Malformed("pattern too complex"));
        }
        self.depth += 1;
        let found = self.walk(s, p);
        self.depth -= 1;
        found
    }

    fn walk(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.step()?;
            match (self.pat(p), self.pat(p + 1)) {
                (0, _) => return Ok(Some(s)),
                (b'(', b')') => return self.open(s, p + 2, Capture::Position(s)),
                (b'(', _) => return self.open(s, p + 1, Capture::Open(s)),
                (b')', _) => return self.close(s, p + 1),
                (b'$', 0) => return Ok(Some(s).filter(|&s| s == self.subject.len())),
                (b'%', b'b') => match self.balance(s, p + 2)? {
                    Some(end) => (s, p) = (end, p + 4),
                    None => return Ok(None),
                },
                (b'%', b'f') => match self.frontier(s, p + 2)? {
                    Some(end) => p = end,
                    None => return Ok(None),
                },
                (b'%', digit @ b'0'..=b'9') => match self.again(s, digit)? {
                    Some(end) => (s, p) = (end, p + 2),
                    None => return Ok(None),
                },
                _ => {
                    let end = char_class::end(self.pattern, p).map_err(Fail::Malformed)?;
                    match self.pat(end) {
                        b'?' => match self.once(s, p, end)? {
                            None => p = end + 1,
                            found => return Ok(found),
                        },
                        b'*' => return self.most(s, p, end),
                        b'+' if self.single(s, p, end) => return self.most(s + 1, p, end),
                        b'+' => return Ok(None),
                        b'-' => return self.least(s, p, end),
                        _ if self.single(s, p, end) => (s, p) = (s + 1, end),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    fn open(&mut self, s: usize, p: usize, capture: Capture) -> Found {
        if self.captures.len() >= MAX_CAPTURES {
            return Err(Fail::Malformed("too many captures"));
        }
        let level = self.captures.len();
        self.captures.push(capture);
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures.truncate(level);
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Found {
        let open = |capture: &Capture| matches!(capture, Capture::Open(_));
        let level = self.captures.iter().rposition(open);
        let level = level.ok_or(Fail::Malformed("invalid pattern capture"))?;
        let before = self.captures[level];
        if let Capture::Open(start) = before {
            self.captures[level] = Capture::Closed(start, s);
        }
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures[level] = before;
        }
        Ok(found)
    }

    fn balance(&mut self, s: usize, p: usize) -> Found {
        let (begin, end) = (self.pat(p), self.pat(p + 1));
        if begin == 0 || end == 0 {
            return Err(Fail::Malformed("unbalanced pattern"));
        }
        if self.byte(s) != begin {
            return Ok(None);
        }
        let mut open = 1_usize;
        for at in s + 1..self.subject.len() {
            self.step()?;
            let byte = self.byte(at);
            if byte == end {
                open -= 1;
                if open == 0 {
                    return Ok(Some(at + 1));
                }
            } else if byte == begin {
                open += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: gives the end of the set in the pattern.
    fn frontier(&self, s: usize, p: usize) -> Found {
        if self.pat(p) != b'[' {
            return Err(Fail::Malformed("missing '[' after '%f' in pattern"));
        }
        let end = char_class::end(self.pattern, p).map_err(Fail::Malformed)?;
        let before = s.checked_sub(1).map_or(0, |at| self.byte(at));
        let in_set = |byte| char_class::in_set(self.pattern, byte, p, end - 1);
        let begins = !in_set(before) && in_set(self.byte(s));
        Ok(Some(end).filter(|_| begins))
    }

    /// `%1`: what a capture holds, once more.
    fn again(&self, s: usize, digit: u8) -> Found {
        let level = usize::from(digit).checked_sub(usize::from(b'1'));
        match level.and_then(|level| self.captures.get(level)) {
            Some(&Capture::Closed(start, end)) => {
                let length = end - start;
                let same = self.subject.get(s..s + length) == Some(&self.subject[start..end]);
                Ok(Some(s + length).filter(|_| same))
            }
            // The length of a position is minus two to Lua, which no subject has left.
            Some(Capture::Position(_)) => Ok(None),
            _ => Err(Fail::Malformed("invalid capture index")),
        }
    }

    /// `?` with the item there; without it the caller goes on.
    fn once(&mut self, s: usize, p: usize, end: usize) -> Found {
        if self.single(s, p, end) { self.run(s + 1, end + 1) } else { Ok(None) }
    }

    fn most(&mut self, s: usize, p: usize, end: usize) -> Found {
        let mut count = 0;
        while self.single(s + count, p, end) {
            self.step()?;
            count += 1;
        }
        loop {
            if let Some(found) = self.run(s + count, end + 1)? {
                return Ok(Some(found));
            }
            match count.checked_sub(1) {
                Some(fewer) => count = fewer,
                None => return Ok(None),
            }
        }
    }

    fn least(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.run(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(s) else {
            return false;
        };
        char_class::accepts(self.pattern, byte, p, end)
    }
}

/// The part of a pattern that counts.
pub(super) fn until_zero(pattern: &[u8]) -> &[u8] {
    pattern.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_would_take_years_ends_with_its_time() {
        let (subject, pattern) = (vec![b'a'; 3000], b"a-a-a-a-a-a-b");
        let mut matcher = Matcher::new(&subject, pattern, Some(Instant::now()));
        assert_eq!(matcher.at(0), Err(Fail::Late));
    }
}
