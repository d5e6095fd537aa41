//! Timelines of facts, from a golden file and from a run of the simulator, and their comparison.

use serde_json::Value;

/// What could be seen, as `(millisecond, text)`. The order within an instant does not count.
#[derive(Debug, Default)]
pub struct Timeline {
    facts: Vec<(u64, String)>,
}

/// The records that are compared. The rest are the acts that the scenario itself asks for.
const COMPARED: [&str; 11] = [
    "nodeCondition",
    "taintAdded",
    "taintRemoved",
    "podReady",
    "podDisruptionTarget",
    "podPhase",
    "podDeleteRequested",
    "podRemoved",
    "zoneState",
    "event",
    "nodeDeleted",
];

impl Timeline {
    /// Reads the timeline of a golden file.
    pub fn read(records: &Value) -> Self {
        let mut timeline = Self::default();
        for record in records.as_array().expect("a timeline is a list") {
            let kind = record["kind"].as_str().expect("a record has a kind");
            if COMPARED.contains(&kind) {
                let at = record["t"].as_f64().expect("a record has a time");
                timeline.see((at * 1000.0).round() as u64, record.clone());
            }
        }
        timeline
    }

    /// Adds a record at a millisecond.
    pub fn see(&mut self, at: u64, record: Value) {
        let is_first_registration = at == 0 && record["reason"] == "RegisteredNode";
        if is_first_registration {
            return;
        }
        let Value::Object(mut fields) = record else { panic!("a record is an object") };
        fields.remove("t");
        if fields["kind"] == "event" {
            fields.remove("type");
        }
        if let Some(rate) = fields.get("rate").and_then(Value::as_f64) {
            fields.insert("rate".into(), format!("{rate:.3}").into());
        }
        self.facts.push((at, Value::Object(fields).to_string()));
    }

    /// When something of a kind was seen first whose text has all of these parts [s].
    pub fn first(&self, kind: &str, parts: &[&str]) -> Option<f64> {
        let kind = format!("\"kind\":\"{kind}\"");
        let is_meant = |text: &str| text.contains(&kind) && parts.iter().all(|part| text.contains(part));
        self.facts.iter().find(|(_, text)| is_meant(text)).map(|(at, _)| *at as f64 / 1000.0)
    }

    /// Compares what was found with what is expected.
    pub fn compare(mut self, expected: &Self) -> Result<(), String> {
        let mut wanted = expected.facts.clone();
        wanted.sort();
        self.facts.sort();
        let missing = first_beyond(&wanted, &self.facts);
        let surplus = first_beyond(&self.facts, &wanted);
        let text = |fact: Option<&(u64, String)>| {
            fact.map_or("nothing".to_owned(), |(at, text)| format!("{}.{:03}s {text}", at / 1000, at % 1000))
        };
        if self.facts == wanted {
            Ok(())
        } else {
            Err(format!("surplus {}, missing {}", text(surplus), text(missing)))
        }
    }
}

/// The first fact that is in the one sorted list more often than in the other.
fn first_beyond<'a>(list: &'a [(u64, String)], other: &[(u64, String)]) -> Option<&'a (u64, String)> {
    let count = |list: &[(u64, String)], fact: &(u64, String)| list.iter().filter(|one| *one == fact).count();
    list.iter().find(|fact| count(list, fact) > count(other, fact))
}
