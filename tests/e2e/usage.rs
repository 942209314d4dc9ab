//! Who looked at my data: from the officer's look-up to the citizen's question, on both planes.

use crate::support::{CIVIL, Ground, HOUSEHOLD, Stage, eventually};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const APPLICANT: &str = "330106196502142015";
const BUYER: &str = "33010219950918307X";

/// What a citizen's token says.
fn citizen(ground: &Ground, id: &str, change: impl FnOnce(&mut Value)) -> String {
    ground.mint("s1-officer", |claims| {
        let members = claims.as_object_mut().unwrap();
        for gone in ["department", "post", "region", "matter", "cnf", "purpose", "legal_basis", "client_id"] {
            members.remove(gone);
        }
        claims["sub"] = "pseudonym-of-the-portal".into();
        claims["sub_id"] = json!({ "type": "NATURAL", "id": id });
        change(claims);
    })
}

/// Status and body of a question, asked with curl.
fn ask(base: &str, ca: &Path, path: &str, token: Option<&str>) -> (u16, Value) {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-w", "\n%{http_code}", "-H", "Accept-Language: en", "--cacert"]).arg(ca);
    if let Some(token) = token {
        curl.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    let output = curl.arg(format!("{base}{path}")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn planes(stage: &Stage) -> [String; 2] {
    [format!("http://{}", stage.admin), format!("https://{}", stage.data)]
}

#[test]
fn a_citizen_sees_the_look_up_on_both_planes_and_nobody_else_does() {
    let ground = Ground::lay();
    let (mine, other) = (citizen(&ground, APPLICANT, |_| ()), citizen(&ground, BUYER, |_| ()));
    let officer = ground.mint("s1-officer", |_| ());
    let unusable = [
        citizen(&ground, APPLICANT, |claims| claims["sub_id"]["type"] = "LEGAL".into()),
        citizen(&ground, APPLICANT, |claims| claims["sub_id"]["id"] = "330106196502142016".into()),
        citizen(&ground, APPLICANT, |claims| claims["sub_id"]["id"] = " 330106196502142015".into()),
        citizen(&ground, &BUYER.to_lowercase(), |_| ()),
        citizen(&ground, APPLICANT, |claims| claims["sub_id"] = Value::from(APPLICANT)),
        citizen(&ground, APPLICANT, |claims| claims["department"] = "11330100MB1111111R".into()),
        citizen(&ground, APPLICANT, |claims| claims["aud"] = "another".into()),
        citizen(&ground, APPLICANT, |claims| claims["exp"] = 1.into()),
        citizen(&ground, APPLICANT, |claims| claims["cnf"] = json!({ "x5t#S256": "A".repeat(43) })),
        format!("{}x", citizen(&ground, APPLICANT, |_| ())),
    ];
    let stage = ground.start(|settings| settings.usage.on_data_plane = true);
    let ca = stage.ground.path("certs/ca.pem");
    let reply = stage.get(CIVIL, HOUSEHOLD);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = reply.request_id();
    for base in planes(&stage) {
        let seen = || {
            let (status, page) = ask(&base, &ca, "/usage/v1", Some(&mine));
            assert_eq!(status, 200, "{page}");
            let used =
                page["entries"].as_array().unwrap().iter().find(|one| one["request_id"] == *id).cloned();
            used.filter(|used| used["outcome"] == "delivered")
        };
        assert!(eventually(|| seen().is_some()), "{base}");
        let used = seen().unwrap();
        assert_eq!(
            (&used["purpose"], &used["matter_type"]),
            (&"Social assistance".into(), &"social-assistance-review".into())
        );
        assert!(!used["disclosed"].as_array().unwrap().is_empty());
        let (status, page) = ask(&base, &ca, "/usage/v1", Some(&other));
        assert_eq!((status, &page["entries"]), (200, &json!([])));
        for (token, status) in [(None, 401), (Some(&*officer), 401)] {
            assert_eq!(ask(&base, &ca, "/usage/v1", token).0, status, "{base}");
        }
        for (path, status) in
            [("/usage/v1?subject=330106196502142015", 400), ("/usage/v1/findUsage?limit=3", 200)]
        {
            assert_eq!(ask(&base, &ca, path, Some(&mine)).0, status, "{base}{path}");
        }
    }
    for (place, token) in unusable.iter().enumerate() {
        assert_eq!(ask(&planes(&stage)[0], &ca, "/usage/v1", Some(token)).0, 401, "unusable token {place}");
    }
    let readings = stage.entries().into_iter().filter(|entry| entry["kind"] == "reading").count();
    assert!(readings >= 2 * 5 + unusable.len(), "{readings}");
    assert!(!format!("{:?}", stage.entries()).contains(APPLICANT));
}

#[test]
fn the_data_plane_knows_nothing_of_it_unless_it_is_told_to() {
    let ground = Ground::lay();
    let mine = citizen(&ground, APPLICANT, |_| ());
    let stage = ground.start(|settings| settings.usage.on_data_plane = false);
    let ca = stage.ground.path("certs/ca.pem");
    let [admin, data] = planes(&stage);
    assert_eq!(ask(&admin, &ca, "/usage/v1", Some(&mine)).0, 200);
    assert_ne!(ask(&data, &ca, "/usage/v1", Some(&mine)).0, 200);
}
