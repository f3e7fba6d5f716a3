//! MLflow's own client under `freshkey exec`.

use super::clients::tool;
use crate::with_provider::WithProvider;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

/// A tracking server that knows nothing, and tells what it was shown: path and `Authorization` of each request.
pub(crate) fn tracking_server() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tells, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a caller"));
            let lines: Vec<String> = stream.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
            let shown = lines.iter().find_map(|line| line.strip_prefix("Authorization: ")).unwrap_or_default().to_owned();
            if tells.send((path, shown)).is_err() {
                return;
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            // A caller that has gone away wants no answer.
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    (url, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn mlflow_sends_the_token_to_the_server_that_was_set_up() {
    let user = WithProvider::signed_in().await;
    let (url, told) = tracking_server();
    user.home.prints(&["setup", "mlflow", &url]);
    let python = tool("python3-with-clients").display().to_string();
    let script = "import mlflow\nprint(list(mlflow.MlflowClient().search_experiments()))";
    let output = user.home.freshkey(&["exec", "--", &python, "-c", script]).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[]\n");
    let shown: Vec<(String, String)> = told.try_iter().collect();
    assert!(shown.iter().any(|(path, _)| path.contains("experiments/search")), "{shown:?}");
    let expected = format!("Bearer {}", user.home.prints(&["token"]));
    assert!(shown.iter().all(|(_, authorization)| *authorization == expected), "{shown:?}");

    let other = user.home.run(&["setup", "mlflow", "https://other.example"]);
    assert!(other.code == 2 && other.stderr.contains("freshkey unset mlflow"), "{}", other.stderr);
    let insecure = user.home.run(&["setup", "mlflow", "http://mlflow.example"]);
    assert_eq!(insecure.code, 2, "{}", insecure.stderr);
    // Who has named another server is heard.
    let named = |set: Option<&str>| {
        let mut command = user.home.freshkey(&["exec", "--", "sh", "-c", "echo \"$MLFLOW_TRACKING_URI\""]);
        if let Some(set) = set {
            command.env("MLFLOW_TRACKING_URI", set);
        }
        String::from_utf8_lossy(&command.output().expect("started").stdout).into_owned()
    };
    assert_eq!((named(None), named(Some("other"))), (format!("{url}\n"), "other\n".to_owned()));
    user.home.prints(&["unset", "mlflow"]);
    assert_eq!(named(None), "\n");
}
