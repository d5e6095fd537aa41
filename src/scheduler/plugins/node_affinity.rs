//! NodeAffinity: a pod goes only to nodes that its selector and required affinity accept, and rather to those that
//! its preferred affinity names.
//!
//! Requirements are compiled to comparisons of small numbers; see [`LabelColumns`](crate::scheduler::snapshot).

use std::collections::BTreeSet;

use crate::model::meta::{LabelOperator, LabelRequirement, Name};
use crate::model::scheduling::{NodeSelectorTerm, Placement};
use crate::scheduler::framework::{
    Code, ConstantScore, CycleContext, Filter, PreFilter, Reason, Score, scale_to_max,
};
use crate::scheduler::snapshot::{LabelColumn, LabelValue, Row, Snapshot};

/// Selector and required affinity of a pod, compiled.
/// Source: Kubernetes 1.28, component-helpers/scheduling/corev1/nodeaffinity, RequiredNodeAffinity.
#[derive(Debug)]
pub struct NodeMatcher {
    selector: Term,
    terms: Option<Vec<Term>>,
}

/// What the pod asks for, and what the scheduler asks for all pods.
#[derive(Debug)]
struct NodeAffinity {
    own: NodeMatcher,
    added: Option<Vec<Term>>,
}

/// The preferred terms with their weights.
#[derive(Debug)]
struct Preference {
    terms: Vec<(i64, Term)>,
}

/// Requirements that must all be met.
type Term = Vec<Requirement>;

#[derive(Debug)]
enum Requirement {
    Label { column: usize, test: ValueTest },
    Node { rows: Vec<Row>, is_among: bool },
}

#[derive(Debug)]
enum ValueTest {
    In(Vec<LabelValue>),
    NotIn(Vec<LabelValue>),
    Exists,
    DoesNotExist,
    /// Greater or less than a number: the answer for each value.
    Numeric(Vec<bool>),
}

impl NodeMatcher {
    /// Compiles what a placement says of nodes.
    pub fn compile(placement: &Placement, cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> Self {
        let pairs = placement.node_selector.iter();
        let equal = |(key, value): (&Name, &Name)| LabelRequirement {
            key: key.clone(),
            operator: LabelOperator::In(vec![value.clone()]),
        };
        let selector = pairs.map(|pair| compile_label(&equal(pair), cx, snapshot)).collect();
        let terms = placement.required_nodes.as_deref();
        Self { selector, terms: terms.map(|terms| compile_terms(terms, cx, snapshot)) }
    }

    /// Whether the node is accepted.
    pub fn matches(&self, snapshot: &Snapshot, row: Row) -> bool {
        term_matches(&self.selector, snapshot, row)
            && self.terms.as_ref().is_none_or(|terms| any_matches(terms, snapshot, row))
    }
}

/// Compiles selector and required affinity; where affinity names its nodes, only those are asked for.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/nodeaffinity, PreFilter.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    let placement = &cx.pod.spec.placement;
    let added = cx.config.added_affinity.required.as_deref();
    if placement.required_nodes.is_none() && placement.node_selector.is_empty() && added.is_none() {
        return PreFilter::Skip;
    }
    let own = NodeMatcher::compile(placement, cx, snapshot);
    let added = added.map(|terms| compile_terms(terms, cx, snapshot));
    let filter = Box::new(NodeAffinity { own, added });
    match placement.required_nodes.as_deref().and_then(named_nodes) {
        None => PreFilter::Filter(filter),
        Some(names) if names.is_empty() => {
            PreFilter::Reject(Code::UnschedulableAndUnresolvable, Reason::NodeAffinityConflict)
        }
        Some(names) => PreFilter::FilterOnly(names.into_iter().collect(), filter),
    }
}

/// Compiles the preferred affinity.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/nodeaffinity, PreScore and Score.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, _: &[Row]) -> Option<Box<dyn Score>> {
    let preferred = cx.pod.spec.placement.preferred_nodes.iter().chain(&cx.config.added_affinity.preferred);
    let preferred = preferred.filter(|term| term.weight != 0);
    let terms = preferred.filter_map(|term| Some((term.weight, compile_term(&term.term, cx, snapshot)?)));
    Some(Box::new(Preference { terms: terms.collect() }))
}

/// The nodes that the terms name; `None` where some term names none and so leaves the choice open.
fn named_nodes(terms: &[NodeSelectorTerm]) -> Option<BTreeSet<Name>> {
    let mut names = BTreeSet::new();
    for term in terms {
        let sets = term.fields.iter().filter_map(|field| match &field.operator {
            LabelOperator::In(values) => Some(values.iter().cloned().collect::<BTreeSet<_>>()),
            LabelOperator::NotIn(_)
            | LabelOperator::Exists
            | LabelOperator::DoesNotExist
            | LabelOperator::Gt(_)
            | LabelOperator::Lt(_) => None,
        });
        names.extend(sets.reduce(|all, set| all.intersection(&set).cloned().collect())?);
    }
    (!terms.is_empty()).then_some(names)
}

fn compile_terms(terms: &[NodeSelectorTerm], cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> Vec<Term> {
    terms.iter().filter_map(|term| compile_term(term, cx, snapshot)).collect()
}

/// A term's requirements; `None` for an empty term, which matches no node.
fn compile_term(term: &NodeSelectorTerm, cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> Option<Term> {
    if term.expressions.is_empty() && term.fields.is_empty() {
        return None;
    }
    let mut requirements: Term =
        term.expressions.iter().map(|expression| compile_label(expression, cx, snapshot)).collect();
    requirements.extend(term.fields.iter().map(|field| {
        let name_of = |row: &Row| cx.cluster.node(snapshot.node(*row)).map(|node| &node.meta.name);
        let rows = match &field.operator {
            LabelOperator::In(names) | LabelOperator::NotIn(names) => {
                names.iter().filter_map(|name| snapshot.find(cx.cluster, name)).collect()
            }
            LabelOperator::Exists
            | LabelOperator::DoesNotExist
            | LabelOperator::Gt(_)
            | LabelOperator::Lt(_) => snapshot.rows().filter(|row| field.is_met(name_of(row))).collect(),
        };
        Requirement::Node { rows, is_among: !matches!(field.operator, LabelOperator::NotIn(_)) }
    }));
    Some(requirements)
}

fn compile_label(
    requirement: &LabelRequirement,
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
) -> Requirement {
    let at = snapshot.label_column(cx.cluster, &requirement.key);
    let column = snapshot.labels.at(at);
    let find = |values: &[Name]| values.iter().filter_map(|value| column.find(value)).collect();
    let test = match &requirement.operator {
        LabelOperator::In(values) => ValueTest::In(find(values)),
        LabelOperator::NotIn(values) => ValueTest::NotIn(find(values)),
        LabelOperator::Exists => ValueTest::Exists,
        LabelOperator::DoesNotExist => ValueTest::DoesNotExist,
        LabelOperator::Gt(_) | LabelOperator::Lt(_) => ValueTest::Numeric(answers(requirement, column)),
    };
    Requirement::Label { column: at, test }
}

fn answers(requirement: &LabelRequirement, column: &LabelColumn) -> Vec<bool> {
    let mut answers = vec![false; column.n_values()];
    for (value, text) in column.texts() {
        answers[value.index()] = requirement.is_met(Some(text));
    }
    answers
}

fn any_matches(terms: &[Term], snapshot: &Snapshot, row: Row) -> bool {
    terms.iter().any(|term| term_matches(term, snapshot, row))
}

fn term_matches(term: &[Requirement], snapshot: &Snapshot, row: Row) -> bool {
    term.iter().all(|requirement| requirement.is_met(snapshot, row))
}

impl Requirement {
    fn is_met(&self, snapshot: &Snapshot, row: Row) -> bool {
        match self {
            Self::Label { column, test } => test.accepts(snapshot.labels.at(*column).values[row.index()]),
            Self::Node { rows, is_among } => rows.contains(&row) == *is_among,
        }
    }
}

impl ValueTest {
    fn accepts(&self, value: LabelValue) -> bool {
        match self {
            Self::In(values) => values.contains(&value),
            Self::NotIn(values) => !values.contains(&value),
            Self::Exists => value.is_present(),
            Self::DoesNotExist => !value.is_present(),
            Self::Numeric(answers) => answers[value.index()],
        }
    }
}

impl NodeAffinity {
    fn is_enforced(&self, snapshot: &Snapshot, row: Row) -> bool {
        self.added.as_ref().is_none_or(|terms| any_matches(terms, snapshot, row))
    }
}

impl Filter for NodeAffinity {
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        let is_accepted = self.is_enforced(snapshot, row) && self.own.matches(snapshot, row);
        if is_accepted { Ok(()) } else { Err(Code::UnschedulableAndUnresolvable) }
    }

    fn explain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        reasons.push(if self.is_enforced(snapshot, row) {
            Reason::NodeAffinity
        } else {
            Reason::EnforcedNodeAffinity
        });
    }

    /// What the labels are that do not meet a requirement.
    fn detail(&self, snapshot: &Snapshot, row: Row, details: &mut Vec<String>) {
        let terms = self.own.terms.iter().filter(|terms| !any_matches(terms, snapshot, row));
        let requirements = self.own.selector.iter().chain(terms.flatten().flatten());
        for requirement in requirements.filter(|requirement| !requirement.is_met(snapshot, row)) {
            let Requirement::Label { column, .. } = requirement else { continue };
            let column = snapshot.labels.at(*column);
            let key = column.key();
            let detail = match column.text(column.values[row.index()]) {
                Some(value) => format!("label {key} is {value}"),
                None => format!("no label {key}"),
            };
            if !details.contains(&detail) {
                details.push(detail);
            }
        }
    }
}

impl Score for Preference {
    fn constant(&self) -> Option<ConstantScore> {
        self.terms.is_empty().then_some(ConstantScore { raw: 0, normalized: 0 })
    }

    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        scores.extend(rows.iter().map(|row| {
            let matching = self.terms.iter().filter(|(_, term)| term_matches(term, snapshot, *row));
            matching.map(|(weight, _)| weight).sum::<i64>()
        }));
    }

    fn normalize(&self, _: &Snapshot, _: &[Row], scores: &mut [i64]) {
        scale_to_max(scores);
    }
}
