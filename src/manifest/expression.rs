//! CEL expressions of a scenario: what can be known of them before the run.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::parser::PrattParser;

/// The variables that an expectation may use.
pub const VARIABLES: [&str; 17] = [
    "autoscalers",
    "budgets",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "logs",
    "nodes",
    "pods",
    "quotas",
    "records",
    "replicasets",
    "services",
    "statefulsets",
    "t",
    "tiers",
    "traffic",
];

/// How deep an expression may be nested.
const DEPTH_MAX: u16 = 100;

/// Parses an expression.
///
/// The parser is the one by precedence: the generated one takes milliseconds for its tables at every start.
///
/// # Errors
/// What is wrong, on one line, without a place.
pub fn parse(text: &str) -> Result<IdedExpr, String> {
    PrattParser::new().max_recursion_depth(DEPTH_MAX).parse(text).map_err(|errors| {
        let messages: Vec<&str> = errors.errors.iter().map(|error| error.msg.as_str()).collect();
        format!("not a CEL expression: {}", messages.join("; ").replace('\n', " "))
    })
}

/// Checks that an expression parses and uses only known variables.
///
/// # Errors
/// What is wrong, on one line, without a place.
pub fn check(text: &str) -> Result<(), String> {
    let expression = parse(text)?;
    let mut unknown = Vec::new();
    find_unknown(&expression, &mut VARIABLES.to_vec(), &mut unknown);
    match unknown.first() {
        None => Ok(()),
        Some(name) => Err(format!("unknown variable {name:?}: known are {}", VARIABLES.join(", "))),
    }
}

/// Collects the free identifiers that are not in scope.
fn find_unknown<'a>(expression: &'a IdedExpr, scope: &mut Vec<&'a str>, unknown: &mut Vec<&'a str>) {
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(name) => {
            if !scope.contains(&name.as_str()) {
                unknown.push(name);
            }
        }
        Expr::Call(call) => {
            for part in call.target.iter().map(|target| &**target).chain(&call.args) {
                find_unknown(part, scope, unknown);
            }
        }
        Expr::List(list) => list.elements.iter().for_each(|part| find_unknown(part, scope, unknown)),
        Expr::Select(select) => find_unknown(&select.operand, scope, unknown),
        Expr::Map(map) => {
            for entry in &map.entries {
                find_in_entry(&entry.expr, scope, unknown);
            }
        }
        Expr::Struct(object) => {
            for entry in &object.entries {
                find_in_entry(&entry.expr, scope, unknown);
            }
        }
        Expr::Comprehension(loops) => {
            find_unknown(&loops.iter_range, scope, unknown);
            let outer = scope.len();
            scope.extend([loops.iter_var.as_str(), loops.accu_var.as_str()]);
            scope.extend(loops.iter_var2.as_deref());
            for part in [&loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result] {
                find_unknown(part, scope, unknown);
            }
            scope.truncate(outer);
        }
    }
}

fn find_in_entry<'a>(entry: &'a EntryExpr, scope: &mut Vec<&'a str>, unknown: &mut Vec<&'a str>) {
    match entry {
        EntryExpr::StructField(field) => find_unknown(&field.value, scope, unknown),
        EntryExpr::MapEntry(entry) => {
            find_unknown(&entry.key, scope, unknown);
            find_unknown(&entry.value, scope, unknown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(text: &str, part: &str) {
        let error = check(text).unwrap_err();
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }

    #[test]
    fn expressions_that_can_be_judged_are_taken() {
        for text in [
            "jobs['batch'].status.succeeded == 5",
            "pods.filter(p, p.status.phase == 'Running').size() == 2",
            "pods.all(p, p.metadata.name.startsWith('web') && t > 3.0)",
            "{'a': 1}['a'] == 1 && has(nodes['n'].spec)",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        check_error("jobs[", "not a CEL expression");
        check_error("job['a'].status.failed == 1", "unknown variable \"job\"");
        check_error("pods.exists(p, q.x == 1)", "unknown variable \"q\"");
    }
}
