//! The hash of a pod template in names and labels.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The characters of hashes in names: no vowels, so that no words come out.
/// Source: Kubernetes 1.28, apimachinery/pkg/util/rand, SafeEncodeString.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a template in names and labels; every collision gives another one.
///
/// Deviation: it is made of our own fingerprint of the template; upstream's is FNV over a dump of Go values.
pub fn template_hash(fingerprint: u64, collision_count: Option<u32>) -> String {
    let seed = collision_count.map_or(0, |count| u64::from(count) + 1);
    let hash = xxh3_64_with_seed(&fingerprint.to_le_bytes(), seed) as u32;
    let letter = |digit: u8| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]);
    hash.to_string().bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collision_gives_another_hash_without_vowels() {
        let hashes = [None, Some(0), Some(1)].map(|count| template_hash(7, count));
        assert_ne!(hashes[0], hashes[1]);
        assert_ne!(hashes[1], hashes[2]);
        assert!(hashes.iter().all(|hash| hash.bytes().all(|b| ALPHABET.contains(&b))), "{hashes:?}");
    }
}
