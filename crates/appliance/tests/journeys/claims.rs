use std::time::Duration;

use serde_json::Value;
use wire::{Code, EventKind};

use crate::harness::Room;

fn token_of(claim: &wire::Claim) -> identity::claim::ClaimToken {
    identity::claim::ClaimToken::parse(claim.url.expose().split('#').nth(1).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_hands_out_once_what_lets_a_client_in() {
    let room = Room::new();
    let house = room.start().await;
    assert!(!house.appliance.claim_open());
    let claim = house.create("serre-04").await.claim.unwrap();
    assert!(house.appliance.claim_open());
    assert!(claim.url.expose().starts_with(&format!("http://127.0.0.1:{}/c#", room.ports.claim)));
    assert!(claim.qr_svg.expose().starts_with("<svg"));
    let token = token_of(&claim);
    let sealed = house.appliance.claim_redeem(&token.id()).await.unwrap();
    let content: Value = serde_json::from_slice(&identity::claim::open(&token, &sealed).unwrap()).unwrap();
    assert_eq!((content["v"].as_i64(), content["device"].as_str()), (Some(1), Some("serre-04")));
    assert_eq!(content["ca_pem"].as_str(), Some(house.appliance.authority_files().unwrap().pem.as_str()));
    house.client("serre-04", content["password"].as_str().unwrap()).connect().await.unwrap();
    house.event(Some("serre-04"), |event| event.kind == EventKind::Claimed).await;
    let again = house.appliance.claim_redeem(&token.id()).await.unwrap_err();
    assert_eq!(again.code, Code::ClaimUnknown);
    assert!(!house.appliance.claim_open());
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_expires_after_a_quarter_of_an_hour() {
    let room = Room::new();
    let house = room.start().await;
    let token = token_of(&house.create("serre-04").await.claim.unwrap());
    room.move_clock(Duration::from_secs(15 * 60));
    assert!(!house.appliance.claim_open());
    assert_eq!(house.appliance.claim_redeem(&token.id()).await.unwrap_err().code, Code::ClaimExpired);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_left_in_the_data_folder_and_no_file_is_open_to_others() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    let token = token_of(handed.claim.as_ref().unwrap());
    house.client("serre-04", handed.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
    let mut open = vec![room.dir.path().to_owned()];
    let mut files = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for secret in [handed.password.expose(), token.secret().expose()] {
            assert!(!crate::harness::holds(&bytes, secret), "{}", path.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }
    assert!(files >= 6);
}
