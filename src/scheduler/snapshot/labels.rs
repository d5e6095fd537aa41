//! Node labels as columns of small numbers, one column per key that some pod asks for.

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::model::ids::NodeId;
use crate::model::meta::{Labels, Name};
use crate::scheduler::snapshot::Row;

/// The value of a label, as a number within its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelValue(u32);

impl LabelValue {
    /// The label is not there.
    pub const ABSENT: Self = Self(0);

    /// The number, for tables by value; 0 is [`LabelValue::ABSENT`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether the label is there.
    pub const fn is_present(self) -> bool {
        self.0 != 0
    }
}

/// The columns of the keys that were asked for.
#[derive(Debug, Clone, Default)]
pub struct LabelColumns {
    columns: Vec<LabelColumn>,
    by_key: FxHashMap<Name, usize>,
}

/// One label of all nodes.
#[derive(Debug, Clone)]
pub struct LabelColumn {
    key: Name,
    /// The value of each row.
    pub values: Vec<LabelValue>,
    texts: Vec<Name>,
    ids: FxHashMap<Name, LabelValue>,
}

impl LabelColumns {
    /// The position of the column of `key`.
    pub(super) fn column(&mut self, key: &Name, nodes: &[NodeId], cluster: &Cluster) -> usize {
        if let Some(at) = self.by_key.get(key) {
            return *at;
        }
        self.columns.push(LabelColumn::new(key.clone(), nodes, cluster));
        self.by_key.insert(key.clone(), self.columns.len() - 1);
        self.columns.len() - 1
    }

    /// The column at a position.
    pub fn at(&self, column: usize) -> &LabelColumn {
        &self.columns[column]
    }

    /// Reads all columns anew; positions stay.
    pub(super) fn rebuild(&mut self, nodes: &[NodeId], cluster: &Cluster) {
        for column in &mut self.columns {
            *column = LabelColumn::new(column.key.clone(), nodes, cluster);
        }
    }

    /// Takes over the labels of one node.
    pub(super) fn set_row(&mut self, row: Row, labels: &Labels) {
        for column in &mut self.columns {
            column.values[row.index()] = column.intern(labels.get(&column.key));
        }
    }
}

impl LabelColumn {
    /// The text of a value; `None` where the label is not there.
    pub fn text(&self, value: LabelValue) -> Option<&Name> {
        self.texts().find(|(other, _)| *other == value).map(|(_, text)| text)
    }

    fn new(key: Name, nodes: &[NodeId], cluster: &Cluster) -> Self {
        let mut column = Self {
            key,
            values: Vec::with_capacity(nodes.len()),
            texts: Vec::new(),
            ids: FxHashMap::default(),
        };
        for node in nodes {
            let text = cluster.node(*node).and_then(|node| node.meta.labels.get(&column.key));
            let value = column.intern(text);
            column.values.push(value);
        }
        column
    }

    fn intern(&mut self, text: Option<&Name>) -> LabelValue {
        let Some(text) = text else { return LabelValue::ABSENT };
        if let Some(value) = self.ids.get(text) {
            return *value;
        }
        self.texts.push(text.clone());
        let value = LabelValue(self.texts.len() as u32);
        self.ids.insert(text.clone(), value);
        value
    }

    /// The key.
    pub const fn key(&self) -> &Name {
        &self.key
    }

    /// How many numbers a table by value needs: one more than there are values.
    pub const fn n_values(&self) -> usize {
        self.texts.len() + 1
    }

    /// The number of a text; `None` where no node has the label with it.
    pub fn find(&self, text: &str) -> Option<LabelValue> {
        self.ids.get(text).copied()
    }

    /// All values that nodes have or had, with their texts.
    pub fn texts(&self) -> impl Iterator<Item = (LabelValue, &Name)> {
        self.texts.iter().enumerate().map(|(at, text)| (LabelValue(at as u32 + 1), text))
    }
}
