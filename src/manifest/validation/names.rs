//! The forms of names, labels and ports. Each function lists what is wrong with a text, in upstream's words.
//!
//! Source: Kubernetes 1.28, apimachinery pkg/util/validation/validation.go.

const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;
const PORT_NAME_MAX: usize = 15;

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
    or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const OPTIONAL_PREFIX: &str = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Source: Kubernetes 1.28, apimachinery/pkg/util/validation, IsDNS1035Label.
const DNS_1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with \
    an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// A DNS label, such as a container's name.
pub fn dns_label(text: &str) -> Vec<String> {
    let mut faults = longer_than(text, LABEL_MAX);
    if !is_dns_label(text) {
        faults.push(DNS_LABEL.to_owned());
    }
    faults
}

/// A DNS label that begins with a letter, such as a Service's name.
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let mut faults = longer_than(text, LABEL_MAX);
    if !is_dns_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        faults.push(DNS_1035_LABEL.to_owned());
    }
    faults
}

/// A DNS subdomain: labels with dots between them, such as most objects' names.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    let mut faults = longer_than(text, SUBDOMAIN_MAX);
    if !text.split('.').all(is_dns_label) {
        faults.push(DNS_SUBDOMAIN.to_owned());
    }
    faults
}

/// A name that can stand in the path of an address.
///
/// Source: Kubernetes 1.28, apimachinery/pkg/api/validation/path/name.go, IsValidPathSegmentName.
pub fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let forbidden = ["/", "%"].into_iter().filter(|part| text.contains(part));
    forbidden.map(|part| format!("may not contain '{part}'")).collect()
}

/// A name with an optional DNS subdomain in front, such as a label's key.
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec![format!("a qualified name {QUALIFIED_NAME}{OPTIONAL_PREFIX}")];
        }
        Some(("", name)) => {
            faults.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            faults.extend(dns_subdomain(prefix).into_iter().map(|fault| format!("prefix part {fault}")));
            name
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else {
        faults.extend(longer_than(name, LABEL_MAX).into_iter().map(|fault| format!("name part {fault}")));
    }
    if !is_word(name) {
        faults.push(format!("name part {QUALIFIED_NAME}"));
    }
    faults
}

/// A label's value.
pub fn label_value(text: &str) -> Vec<String> {
    let mut faults = longer_than(text, LABEL_MAX);
    if !text.is_empty() && !is_word(text) {
        faults.push(LABEL_VALUE.to_owned());
    }
    faults
}

/// A container port's name.
pub fn port_name(text: &str) -> Vec<String> {
    let mut faults = longer_than(text, PORT_NAME_MAX);
    let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let mut check = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    check(
        text.bytes().all(is_known),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    check(text.bytes().any(|b| b.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    check(!text.contains("--"), "must not contain consecutive hyphens");
    check(!text.starts_with('-') && !text.ends_with('-'), "must not begin or end with a hyphen");
    faults
}

/// A path below a domain, such as the value of `managedBy`.
pub fn domain_prefixed_path(text: &str) -> Vec<String> {
    let Some((host, path)) = text.split_once('/').filter(|(host, path)| !host.is_empty() && !path.is_empty())
    else {
        return vec!["must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned()];
    };
    let mut faults = dns_subdomain(host);
    let is_known = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b);
    if !path.bytes().all(is_known) {
        faults.push(
            "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')".to_owned(),
        );
    }
    faults
}

fn longer_than(text: &str, max: usize) -> Vec<String> {
    if text.len() > max { vec![format!("must be no more than {max} characters")] } else { Vec::new() }
}

fn is_dns_label(text: &str) -> bool {
    let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(is_known) && !text.starts_with('-') && !text.ends_with('-')
}

/// Letters, digits, `-`, `_` and `.`, the first and the last a letter or digit.
fn is_word(text: &str) -> bool {
    let is_end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    is_end(text.bytes().next())
        && is_end(text.bytes().last())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which texts a rule takes; the last part of the first fault tells the others apart.
    #[track_caller]
    fn check(rule: fn(&str) -> Vec<String>, good: &[&str], bad: &[(&str, &str)]) {
        for text in good {
            assert_eq!(rule(text), [""; 0], "{text}");
        }
        for (text, fault) in bad {
            assert!(
                rule(text).first().is_some_and(|first| first.starts_with(fault)),
                "{text}: {:?}",
                rule(text)
            );
        }
    }

    #[test]
    fn names_follow_the_rules_of_dns() {
        let long = "a".repeat(64);
        check(
            dns_label,
            &["a", "my-name", "123-abc", &"a".repeat(63)],
            &[
                ("", DNS_LABEL),
                ("A", DNS_LABEL),
                ("-a", DNS_LABEL),
                ("a.b", DNS_LABEL),
                (&long, "must be no more than 63"),
            ],
        );
        check(
            dns_subdomain,
            &["a", "a.b-c.d", &long],
            &[("", DNS_SUBDOMAIN), ("a..b", DNS_SUBDOMAIN), ("a.-b", DNS_SUBDOMAIN), ("a_b", DNS_SUBDOMAIN)],
        );
        assert_eq!(dns_subdomain(&"a".repeat(254)), ["must be no more than 253 characters"]);
    }

    #[test]
    fn labels_are_words_with_an_optional_domain() {
        check(
            qualified_name,
            &["a", "A_b.c", "example.com/MyName", "1"],
            &[
                ("", "name part must be non-empty"),
                ("/a", "prefix part must be non-empty"),
                ("a/", "name part must be non-empty"),
                ("a/b/c", "a qualified name must consist"),
                ("-a", "name part must consist"),
                ("Example/a", "prefix part a lowercase RFC 1123 subdomain"),
                (&"a".repeat(64), "name part must be no more than 63 characters"),
            ],
        );
        check(label_value, &["", "a", "My_value.1"], &[("a b", LABEL_VALUE), ("-", LABEL_VALUE)]);
    }

    #[test]
    fn port_names_hold_a_letter() {
        check(
            port_name,
            &["http", "a-1"],
            &[
                ("80", "must contain at least one letter"),
                ("Http", "must contain only"),
                ("a--b", "must not contain consecutive"),
                ("-a", "must not begin or end"),
                ("abcdefghijklmnop", "must be no more than 15 characters"),
            ],
        );
    }

    #[test]
    fn a_path_has_a_domain_in_front() {
        check(
            domain_prefixed_path,
            &["acme.io/foo", "a/b/c"],
            &[
                ("acme.io", "must be a domain-prefixed path"),
                ("/foo", "must be a domain-prefixed path"),
                ("acme.io/", "must be a domain-prefixed path"),
                ("Acme/foo", DNS_SUBDOMAIN),
                ("a/b c", "Invalid path"),
            ],
        );
    }
}
