//! What each identity may do, as data for the broker.

use broker::{Effect, Identity, Rights, Rule};

use crate::selftest;
use crate::settings::Settings;

/// A device writes its own branch and reads the commands in it; a guest only writes. Revoked
/// devices have no rights at all.
pub(crate) fn of(settings: &Settings) -> Rights {
    let rules = settings.devices.iter().filter(|device| device.revoked_ms.is_none()).map(|device| {
        let branch = settings.branch(device);
        let mut rules = vec![Rule {
            id: "own_branch".to_owned(),
            effect: Effect::Allow,
            publish: true,
            read: false,
            filter: format!("{branch}/#"),
        }];
        if !device.guest() {
            rules.push(Rule {
                id: "own_commands".to_owned(),
                effect: Effect::Allow,
                publish: false,
                read: true,
                filter: format!("{branch}/commands/#"),
            });
        }
        (Identity::new(&device.id), rules)
    });
    Rights::new(rules.chain([selftest::rights(settings)]))
}
