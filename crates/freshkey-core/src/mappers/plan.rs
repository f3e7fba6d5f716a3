//! Which mappers run for a token, and in which order.

use super::run::Run;
use super::{MappedClaims, Mapper, MapperInputs, Target};
use crate::client::{Client, ClientScope};

/// The mappers that run for one client, one set of granted scopes and one target, in order.
///
/// Made anew for each token: gathering thirty references costs a fraction of what one claim does, and most configurations need
/// no sorting but of the few mappers of roles.
#[derive(Debug, Default)]
pub struct MapperPlan<'a> {
    mappers: Vec<&'a Mapper>,
}

/// Runs all mappers for one target: those of the granted scopes in the order given, then those of the client, lower priority first.
pub fn apply(target: Target, inputs: &MapperInputs<'_>) -> MappedClaims {
    MapperPlan::new(target, inputs.client, inputs.scopes).apply(target, inputs)
}

impl<'a> MapperPlan<'a> {
    /// Gathers and orders. Mappers of one priority keep the order of the scopes; the client's own come last, and so have the last word.
    pub fn new(target: Target, client: &'a Client, scopes: &[&'a ClientScope]) -> Self {
        let lists = || scopes.iter().map(|scope| &scope.mappers).chain([&client.mappers]);
        // One allocation; the targets for which nothing runs, most token responses for instance, get none.
        let running = lists().flatten().filter(|mapper| mapper.emit.has(target)).count();
        let mut mappers: Vec<&Mapper> = Vec::with_capacity(running);
        mappers.extend(lists().flatten().filter(|mapper| mapper.emit.has(target)));
        mappers.sort_by_key(|mapper| mapper.priority);
        Self { mappers }
    }

    /// Runs them.
    pub fn apply(&self, target: Target, inputs: &MapperInputs<'_>) -> MappedClaims {
        if self.mappers.is_empty() {
            return MappedClaims::default();
        }
        let mut run = Run::new(target, inputs, self.mappers.len());
        for mapper in &self.mappers {
            run.step(&mapper.kind);
        }
        run.finish()
    }
}
