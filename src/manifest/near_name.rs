//! The known name that a misspelt one was probably meant to be.

/// Returns the candidate nearest to `name`, where one is near enough to be worth a hint.
///
/// Near enough is the same but for case, or within one edit for every three characters (an edit is a character
/// inserted, dropped, replaced, or swapped with its neighbour). Among equals the first candidate wins.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    let limit = name.len().div_ceil(3).min(3);
    let distance = |candidate: &str| {
        let other: Vec<char> = candidate.chars().map(|c| c.to_ascii_lowercase()).collect();
        if name.len().abs_diff(other.len()) > limit { usize::MAX } else { edits(&name, &other) }
    };
    let measured = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    measured
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// What to say after an unknown name: "; did you mean `web`?", or nothing where no name is near enough.
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Returns the number of edits between two words (optimal string alignment).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let names = ["containers", "initContainers", "restartPolicy", "nodeName", "completions", "os"];
        for (name, near) in [
            ("contaners", Some("containers")),
            ("container", Some("containers")),
            ("Containers", Some("containers")),
            ("RESTARTPOLICY", Some("restartPolicy")),
            ("restratPolicy", Some("restartPolicy")),
            ("nodename", Some("nodeName")),
            ("completion", Some("completions")),
            ("so", Some("os")),
            ("x", None),
            ("image", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), near, "{name}");
        }
    }

    #[test]
    fn edits_count_swaps_once() {
        for (a, b, n) in
            [("", "", 0), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "", 3), ("ca", "abc", 3)]
        {
            let chars = |word: &str| word.chars().collect::<Vec<_>>();
            assert_eq!(edits(&chars(a), &chars(b)), n, "{a} {b}");
        }
    }
}
