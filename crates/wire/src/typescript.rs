//! The TypeScript of everything that crosses the boundary, as one text. `tests/typescript.rs`
//! keeps `ui/src/api/generated/wire.ts` equal to it.

use std::collections::BTreeMap;

use ts_rs::{Config, TS, TypeVisitor};

use crate::commands::command_types;
use crate::{Code, EventKind, FactKind, LiveView, NetworkCause, Problem, RefusalCause, Role, TestName};

const HEADER: &str = "// Written by `UPDATE_TYPES=1 cargo test -p wire`. Do not edit.\n";

/// Declarations by name, so that the text does not depend on the order in which they were met.
pub(crate) struct Types {
    config: Config,
    declarations: BTreeMap<String, String>,
}

impl Types {
    pub(crate) fn add<T: TS + 'static + ?Sized>(&mut self) {
        self.visit::<T>();
    }

    pub(crate) fn name<T: TS + ?Sized>(&self) -> String {
        T::name(&self.config)
    }
}

impl TypeVisitor for Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        T::visit_generics(self);
        // Only what is derived has a place of its own; numbers and lists are written where they stand.
        if T::output_path().is_none() || self.declarations.contains_key(&T::ident(&self.config)) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        let declaration = format!("{docs}export {}\n", T::decl(&self.config));
        self.declarations.insert(T::ident(&self.config), declaration);
        T::visit_dependencies(self);
    }
}

/// The names of a plain enum, as a list that a screen can walk through.
fn list_of<T: TS>(name: &str, types: &Types) -> String {
    let names = T::inline(&types.config).replace(" | ", ", ");
    format!("export const {name}: readonly {}[] = [{names}];\n", types.name::<T>())
}

/// The whole generated file.
pub fn typescript() -> String {
    let mut types = Types { config: Config::default(), declarations: BTreeMap::new() };
    types.add::<Role>();
    types.add::<Problem>();
    types.add::<LiveView>();
    let commands = command_types(&mut types);
    let lists = [
        list_of::<Code>("CODES", &types),
        list_of::<RefusalCause>("REFUSAL_CAUSES", &types),
        list_of::<EventKind>("EVENT_KINDS", &types),
        list_of::<FactKind>("FACT_KINDS", &types),
        list_of::<TestName>("TEST_NAMES", &types),
        list_of::<NetworkCause>("NETWORK_CAUSES", &types),
    ];
    let declarations: Vec<String> = types.declarations.into_values().collect();
    format!("{HEADER}\n{}\n{commands}\n{}", declarations.join("\n"), lists.join("\n"))
}
