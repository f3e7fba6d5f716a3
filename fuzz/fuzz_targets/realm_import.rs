//! T-049, T-050: realm files. What is accepted can be built, and all of its users can be read.
#![no_main]

use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::import::plan_import;
use freshkey_core::{Entropy, Now};
use libfuzzer_sys::fuzz_target;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        // Not the same each time: ids that are made must differ.
        static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
        buffer.fill_with(|| NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}

fuzz_target!(|file: &[u8]| {
    let Ok(plans) = plan_import(file, Now::from_seconds(1_800_000_000), &Zeros) else { return };
    for plan in plans {
        assert!(build_realm(plan.documents()).is_ok(), "a plan is a realm that can be served");
        plan.users(&Zeros).for_each(drop);
    }
});
