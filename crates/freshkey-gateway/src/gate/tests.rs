//! What is remembered changes no verdict (T-074): a gate that remembers and one that does not are asked the same, while everything around them changes.

use super::*;
use crate::claim::ClaimPath;
use crate::clock::FixedClock;
use crate::identity::IdentityNames;
use crate::keys::IssuerKeys;
use crate::policy::{
    Access, Application, FactSource, FactTable, HostPattern, IdentityEncoding, IdentityHeader, Need, PathPattern, Policy, Quantifier,
    Requirement, Rule,
};
use crate::request::CredentialForm;
use crate::token::tests::{issuer, key, set_of};
use freshkey_protocol::jose::{Algorithm, HeaderType, SigningKey, sign_compact};
use freshkey_service::network::TrustedProxies;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use proptest::prelude::*;
use serde_json::json;

const NOW_S: i64 = 1_800_000_000;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A request with the token of this number, to this path.
    Ask(usize, usize),
    /// Time passes, or is set back.
    Wait(i64),
    /// The keys of an issuer become these of its three.
    Keys(usize, Vec<usize>),
    /// Another policy is in force.
    Policy(usize),
}

const PATHS: [&str; 4] = ["/open", "/any/x", "/read/x", "/write/x"];
const TOKENS: usize = 12;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..TOKENS, 0..PATHS.len()).prop_map(|(token, path)| Step::Ask(token, path)),
        1 => (-40_i64..120).prop_map(Step::Wait),
        1 => (0..2_usize, proptest::collection::vec(0..3_usize, 1..3)).prop_map(|(issuer, keys)| Step::Keys(issuer, keys)),
        1 => (0..4_usize).prop_map(Step::Policy),
    ]
}

fn rule(path: &str, access: Access) -> Rule {
    Rule {
        name: path.to_owned(),
        hosts: Vec::new(),
        paths: vec![PathPattern::parse(path).expect("a pattern")],
        methods: Vec::new(),
        access,
        credential_form: CredentialForm::Bearer,
    }
}

/// Policies that differ in what they ask for, and of whom.
fn policy(variant: usize, generation: u64) -> Policy {
    let mut facts = FactTable::default();
    if variant == 3 {
        // The same claims under other numbers.
        facts.add(FactSource::Claim(ClaimPath::parse("sub").expect("a path")));
    }
    let roles = facts.add(FactSource::Claim(ClaimPath::parse("roles").expect("a path")));
    let needs = |role: &str| {
        let values = vec![role.to_owned()];
        Access::Token(vec![Requirement { need: Need::Role, facts: vec![roles], quantifier: Quantifier::Any, values }])
    };
    let (read, write) = if variant == 1 { ("writer", "reader") } else { ("reader", "writer") };
    let rules = vec![
        rule("/open", Access::Public),
        rule("/any/**", Access::Token(Vec::new())),
        rule("/read/**", needs(read)),
        rule("/write/**", needs(write)),
    ];
    let name = if variant == 2 { "x-other" } else { "x-freshkey-roles" };
    let identity = vec![IdentityHeader { name: HeaderName::from_static(name), fact: roles, encoding: IdentityEncoding::Percent }];
    let application = Application {
        name: "api".to_owned(),
        hosts: vec![HostPattern::Any],
        rules,
        upstream: None,
        identity,
        assertion_audience: None,
        passes_token: false,
    };
    let (mut first, second) = (issuer("https://a.test"), issuer("https://b.test"));
    if variant == 2 {
        first.audiences = vec!["other".to_owned()];
    }
    Policy { generation, issuers: vec![Arc::new(first), Arc::new(second)], applications: vec![application], facts }
}

fn snapshot(policy: Policy, keys: &[Arc<IssuerKeys>]) -> Snapshot {
    let issuers = policy.issuers.iter().zip(keys).map(|(issuer, keys)| IssuerState::with_keys(issuer, Arc::clone(keys))).collect();
    let identity_names = IdentityNames::of(&policy.applications);
    Snapshot { policy, issuers, identity_names, trusted_proxies: TrustedProxies::default(), signer: None, realm: "test".to_owned() }
}

/// Tokens of both issuers, with and without roles, that begin and end at different times.
fn tokens(keys: &[[SigningKey; 3]; 2]) -> Vec<String> {
    let token = |number: usize| {
        let issuer = number % 2;
        let roles = [json!(["reader"]), json!(["writer", "reader"]), json!("writer"), json!(7)][number % 4].clone();
        let name = ["https://a.test", "https://b.test"][issuer];
        let ends = NOW_S + [20, 60, 90][number % 3];
        let claims =
            json!({ "iss": name, "sub": "u", "aud": ["api", "other"], "exp": ends, "iat": NOW_S - 10, "typ": "Bearer", "roles": roles });
        sign_compact(&keys[issuer][number % 3], HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed")
    };
    (0..TOKENS).map(token).collect()
}

async fn ask(gate: &Gate, token: &str, path: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).expect("a value"));
    let request = CanonicalRequest::parse(&Method::GET, Some("a"), path, &headers).expect("a request");
    let snapshot = gate.snapshot();
    let judgement = gate.judge(&snapshot, &request).await;
    let pass = judgement
        .outcome
        .map(|pass| pass.identity.map(|identity| identity.headers().map(|(name, value)| format!("{name}: {value:?}")).collect::<Vec<_>>()));
    format!("{:?} {:?} {pass:?}", judgement.application, judgement.rule)
}

async fn both_say_the_same(steps: &[Step]) -> Result<(), TestCaseError> {
    let keys = [["a0", "a1", "a2"], ["b0", "b1", "b2"]].map(|ids| ids.map(key));
    let tokens = tokens(&keys);
    let set = |issuer: usize, which: &[usize]| {
        let mut which = which.to_vec();
        which.sort_unstable();
        which.dedup();
        set_of(&which.iter().map(|number| &keys[issuer][*number]).collect::<Vec<_>>(), &[Algorithm::Es256])
    };
    let current = [0, 1].map(|issuer| Arc::new(IssuerKeys::fixed(set(issuer, &[0, 1]))));
    let clock = Arc::new(FixedClock::at_s(NOW_S));
    let gates = [100, 0].map(|entries| Gate::new(snapshot(policy(0, 1), &current), entries, Arc::clone(&clock) as _));
    let mut generation = 1;
    for step in steps {
        match step {
            Step::Wait(seconds) => clock.advance_s(*seconds),
            Step::Keys(issuer, which) => drop(current[*issuer].replace(set(*issuer, which))),
            Step::Policy(variant) => {
                generation += 1;
                gates.iter().for_each(|gate| gate.replace(snapshot(policy(*variant, generation), &current)));
            }
            Step::Ask(token, path) => {
                let with = ask(&gates[0], &tokens[*token], PATHS[*path]).await;
                let without = ask(&gates[1], &tokens[*token], PATHS[*path]).await;
                prop_assert_eq!(with, without, "token {} at {}", token, PATHS[*path]);
            }
        }
    }
    prop_assert!(gates[1].cached_tokens() == 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn t_074_what_is_remembered_changes_no_verdict(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(both_say_the_same(&steps))?;
    }
}
