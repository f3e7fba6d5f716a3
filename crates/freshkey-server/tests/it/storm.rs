//! Too much of one kind of work at once.

use crate::support::{PASSWORD, TOKEN, TestServer, join_all};

#[tokio::test(flavor = "multi_thread")]
async fn t_048_a_storm_of_sign_ins_is_shed_and_refreshes_go_on() {
    let server = TestServer::start().await;
    let refresh_token = server.sign_in("").await.refresh_token();
    let sign_in = async |number: usize| {
        if number == 70 {
            return ("refresh", server.refresh(&refresh_token).await);
        }
        if number == 71 {
            return ("keys", server.get("/realms/UA/protocol/openid-connect/certs").send().await);
        }
        let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", "demo"), ("password", PASSWORD)];
        ("sign-in", server.post(TOKEN).form(&form).send().await)
    };
    let answers = join_all((0..100).map(sign_in)).await;
    let of = |kind: &str| answers.iter().filter(|(own, _)| *own == kind).map(|(_, answer)| answer.status).collect::<Vec<_>>();
    assert_eq!((of("refresh"), of("keys")), (vec![200], vec![200]));
    let sign_ins = of("sign-in");
    let (served, shed) =
        (sign_ins.iter().filter(|status| **status == 200).count(), sign_ins.iter().filter(|status| **status == 503).count());
    assert_eq!(served + shed, 98, "{sign_ins:?}");
    assert!(served >= 64 && shed > 0, "as many wait as may, the rest is told to come again: {served} served, {shed} shed");
    let (_, told) = answers.iter().find(|(_, answer)| answer.status == 503).unwrap();
    assert_eq!(told.headers["retry-after"], "1");
}
