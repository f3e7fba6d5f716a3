//! The client's part of the README, pasted.

use freshkey_testkit::home::Home;
use freshkey_testkit::programs::{Quickstart, built};

#[test]
fn the_commands_of_the_readme_work_as_printed() {
    let readme = include_str!("../../../../README.md");
    let block =
        readme.split("```sh client\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the README has a block for the client");
    let quickstart = Quickstart::start();
    let home = Home::new();
    let programs = built("freshkey").parent().expect("a directory").display().to_string();
    let env_file = quickstart.env_file().display().to_string();
    let script = block.replace("target/quickstart/env", &env_file).replace("$PWD/target/dist/bin", &programs);
    assert!(script.contains(&env_file) && script.contains(&programs), "the places of the README have changed:\n{block}");
    let output = home.command("bash").args(["-euo", "pipefail", "-c", &script]).output().expect("bash");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}\n{stdout}");
    assert!(stdout.lines().next().is_some_and(|line| line.starts_with("ey")), "a token begins the output:\n{stdout}");
    for expected in ["demo at https://localhost:", "\"preferred_username\":\"demo\"", "ua: fresh as demo"] {
        assert!(stdout.contains(expected), "{expected}:\n{stdout}");
    }
    assert!(stderr.contains("Signed in to") && stderr.contains("Signed out of ua."), "{stderr}");
}
