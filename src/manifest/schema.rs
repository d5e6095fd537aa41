//! What a tree may look like: shapes, types and their fields.
//!
//! Two sources are translated into this one form: the table of the Kubernetes API
//! ([`api`](crate::manifest::api)) and the JSON Schema of the Scenario kind
//! ([`json_schema`](crate::manifest::json_schema)). [`check`](crate::manifest::check) holds trees against it.

use std::borrow::Cow;

use crate::manifest::scalar::Scalar;
use crate::model::profile::KubernetesVersion;

/// Shapes that refer to each other by number.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The shapes that [`Shape::Named`] refers to.
    pub named: Vec<Shape>,
}

/// What a tree may look like.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Anything.
    Any,
    /// Text.
    Text,
    /// A boolean.
    Bool,
    /// An integer in a range, both ends included.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: u64,
    },
    /// A number in a range, both ends included.
    Number {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// One of a few texts.
    Enum(Vec<Cow<'static, str>>),
    /// A scalar with rules of its own.
    Format(Format),
    /// A list of equal shapes.
    List(Box<Shape>),
    /// A map with free keys.
    Map(Box<Shape>),
    /// A map with known keys.
    Object(Box<ObjectType>),
    /// One of several shapes.
    OneOf(Vec<Shape>),
    /// A shape of [`Schema::named`].
    Named(usize),
}

/// A scalar with rules of its own, such as a quantity or a time.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// What it is, for a message: `a quantity such as 100m or 1Gi`.
    pub expected: &'static str,
    /// Says what is wrong with a scalar.
    pub check: fn(&Scalar) -> Result<(), Mismatch>,
}

/// What is wrong with a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It is something else altogether, such as a boolean in place of a number.
    Kind,
    /// It is of the right kind, and this is wrong with it.
    Value(String),
}

/// A map with known keys.
#[derive(Debug, Clone, Default)]
pub struct ObjectType {
    /// The known keys; in the order of the alphabet.
    pub fields: Vec<Field>,
    /// What other keys may have; `None` where there may be none.
    pub others: Option<Shape>,
}

/// A known key of a map.
#[derive(Debug, Clone)]
pub struct Field {
    /// The key.
    pub name: Cow<'static, str>,
    /// What its value may look like.
    pub shape: Shape,
    /// Whether it must be there.
    pub is_required: bool,
    /// What the simulator makes of it.
    pub treatment: Treatment,
    /// The first version that has it, where that is not the oldest.
    pub since: Option<KubernetesVersion>,
    /// The last version that has it, where that is not the newest.
    pub until: Option<KubernetesVersion>,
}

/// What the simulator makes of a field or kind and everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It is modelled.
    Modelled,
    /// It has no effect on behaviour.
    NoEffect,
    /// The API server or a controller sets it; what the input says is read past.
    ServerOwned,
    /// It would change the result and is not modelled; a value that changes nothing may be named.
    Unmodelled {
        /// The text of the value that changes nothing.
        except: Option<&'static str>,
    },
}

impl Schema {
    /// Follows [`Shape::Named`] to the shape it stands for.
    pub fn resolve<'a>(&'a self, shape: &'a Shape) -> &'a Shape {
        let mut shape = shape;
        // A chain of names without end would name nothing; no schema has more links than shapes.
        for _ in 0..=self.named.len() {
            match shape {
                Shape::Named(idx) => shape = &self.named[*idx],
                _ => return shape,
            }
        }
        &Shape::Any
    }
}

impl ObjectType {
    /// The known key of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let found = self.fields.binary_search_by(|field| (*field.name).cmp(name));
        found.ok().map(|idx| &self.fields[idx])
    }

    /// The known keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| &*field.name)
    }
}

impl Field {
    /// Makes a modelled field of all versions that need not be there.
    pub fn optional(name: impl Into<Cow<'static, str>>, shape: Shape) -> Self {
        Field {
            name: name.into(),
            shape,
            is_required: false,
            treatment: Treatment::Modelled,
            since: None,
            until: None,
        }
    }
}
