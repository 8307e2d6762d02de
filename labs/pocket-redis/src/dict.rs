//! A map that can be scanned in steps and drawn from at random.
//!
//! Entries lie side by side in a vector, and a hash table knows where. Removing one moves the
//! last entry into its place, so there are never holes: a step of SCAN looks at as many entries
//! as it returns, and a random draw is one index.
//!
//! SCAN's promise, that whatever stays in the map for the whole scan is returned at least once,
//! holds because the scan walks from the end to the front: an entry only ever moves towards the
//! front, so one that the scan has not reached cannot slip behind it. The scan also ends, since
//! what is added meanwhile lies behind the place where it began.

use std::collections::HashMap;
use std::sync::Arc;

/// A key, a member or a field: shared, because the entry and the hash table both hold it.
pub(crate) type Key = Arc<[u8]>;

/// What stands at a key.
pub(crate) trait Element {
    /// Whether Redis would keep such an entry in a packed form, among `length` of them.
    fn packs(&self, key: &[u8], length: usize) -> bool;
}

/// See the file's head.
#[derive(Debug, Clone)]
pub(crate) struct Dict<V> {
    entries: Vec<(Key, V)>,
    places: HashMap<Key, usize>,
    /// Whether something in it did not pack, once: Redis does not pack again what has shrunk.
    unpacked: bool,
}

impl<V> Default for Dict<V> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::new(), unpacked: false }
    }
}

impl<V> Dict<V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.places.contains_key(key)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        self.places.get(key).map(|&place| &self.entries[place].1)
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        self.places.get(key).map(|&place| &mut self.entries[place].1)
    }

    /// The stored key that equals this one, to be shared instead of copied.
    pub(crate) fn key(&self, key: &[u8]) -> Option<&Key> {
        self.places.get_key_value(key).map(|(key, _)| key)
    }

    /// Takes it as one that once did not pack.
    pub(crate) fn unpack(&mut self) {
        self.unpacked = true;
    }

    pub(crate) fn is_packed(&self) -> bool {
        !self.unpacked
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let place = self.places.remove(key)?;
        let (_, value) = self.entries.swap_remove(place);
        if let Some((moved, _)) = self.entries.get(place)
            && let Some(entry) = self.places.get_mut(moved)
        {
            *entry = place;
        }
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &Key> {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The entry at a place below `len`, for random draws.
    pub(crate) fn at(&self, place: usize) -> Option<(&Key, &V)> {
        self.entries.get(place).map(|(key, value)| (key, value))
    }

    /// One step of a scan: the next cursor (0 when the scan is over) and the entries of this step.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (u64, &[(Key, V)]) {
        let cursor = usize::try_from(cursor).unwrap_or(usize::MAX);
        let end = match cursor {
            0 => self.entries.len(),
            place => place.min(self.entries.len()),
        };
        let start = end.saturating_sub(count);
        (u64::try_from(start).unwrap_or(0), &self.entries[start..end])
    }
}

impl<V: Element> Dict<V> {
    /// Puts a value; gives back the one that was there.
    pub(crate) fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        let place = self.places.get(key).copied();
        let length = self.entries.len() + usize::from(place.is_none());
        self.unpacked = self.unpacked || !value.packs(key, length);
        if let Some(place) = place {
            return Some(std::mem::replace(&mut self.entries[place].1, value));
        }
        let key = Key::from(key);
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push((key, value));
        None
    }

    /// Forgets what is no longer in it, as where Redis makes a new collection of the result.
    pub(crate) fn pack(&mut self) {
        let length = self.entries.len();
        self.unpacked = self.entries.iter().any(|(key, value)| !value.packs(key, length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn what_stays_for_the_whole_scan_is_returned() {
        let mut dict = Dict::default();
        for n in 0..1_000 {
            dict.insert(format!("stays:{n}").as_bytes(), ());
            dict.insert(format!("goes:{n}").as_bytes(), ());
        }
        let (mut cursor, mut step, mut seen) = (0, 0, HashSet::new());
        loop {
            let (next, found) = dict.scan(cursor, 7);
            seen.extend(found.iter().map(|(key, ())| key.clone()));
            for n in step * 5..step * 5 + 5 {
                dict.remove(format!("goes:{n}").as_bytes());
                dict.insert(format!("comes:{n}").as_bytes(), ());
            }
            (cursor, step) = (next, step + 1);
            if cursor == 0 {
                break;
            }
        }
        for n in 0..1_000 {
            assert!(seen.contains(format!("stays:{n}").as_bytes()), "{n}");
        }
    }

    #[test]
    fn removing_an_entry_keeps_the_others_reachable() {
        let mut dict = Dict::default();
        for key in ["a", "b", "c"] {
            dict.insert(key.as_bytes(), key.as_bytes().to_vec());
        }
        assert_eq!(dict.remove(b"a"), Some(b"a".to_vec()));
        assert_eq!(dict.get(b"c"), Some(&b"c".to_vec()));
        assert_eq!(dict.remove(b"c"), Some(b"c".to_vec()));
        assert_eq!(dict.get(b"b"), Some(&b"b".to_vec()));
        assert_eq!(dict.len(), 1);
    }
}
