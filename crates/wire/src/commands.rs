//! The one list of commands. A new command is three edits: its line here, its method on the
//! appliance, its screen. A missing method does not compile.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::*;

/// Who asks. Each command names the least role that may use it (`architecture.md` D7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Administrator,
    Teacher,
    Assistant,
    Pupil,
    Projector,
    Device,
}

impl Role {
    /// Administrator ⊃ teacher ⊃ assistant ⊃ pupil ⊃ projector. A device stands outside: it has
    /// its own routes under `/d/` and none of these.
    fn rank(self) -> u8 {
        match self {
            Role::Administrator => 5,
            Role::Teacher => 4,
            Role::Assistant => 3,
            Role::Pupil => 2,
            Role::Projector => 1,
            Role::Device => 0,
        }
    }

    pub fn may_use(self, least: Role) -> bool {
        match (self, least) {
            (Role::Device, Role::Device) => true,
            (Role::Device, _) | (_, Role::Device) => false,
            _ => self.rank() >= least.rank(),
        }
    }
}

/// The request of a command that needs none: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(type = "Record<string, never>")]
pub struct Nothing {}

/// Calls `$then!` with every command as `name: Request => Answer, role Role;`.
///
/// The dispatcher, the router and the TypeScript map are all made by handing a macro to this list.
#[macro_export]
macro_rules! with_commands {
    ($then:ident) => {
        $then! {
            site_status:       Nothing         => SiteStatus,           Projector;
            network_list:      Nothing         => Vec<NetworkAddress>,  Administrator;
            site_start:        StartSite       => SiteStatus,           Administrator;
            broker_start:      Nothing         => SiteStatus,           Teacher;
            broker_stop:       Nothing         => SiteStatus,           Teacher;
            rescue_restore:    Nothing         => SiteStatus,           Administrator;
            kind_list:         Nothing         => Vec<Kind>,            Assistant;
            device_list:       Nothing         => Vec<Device>,          Projector;
            device_create:     CreateDevice    => ProvisionedDevice,    Teacher;
            device_reissue:    DeviceRef       => ProvisionedDevice,    Teacher;
            device_revoke:     DeviceRef       => Device,               Teacher;
            device_restore:    DeviceRef       => Device,               Teacher;
            device_remove:     DeviceRef       => Nothing,              Teacher;
            class_preview:     PreviewClass    => ClassPreview,         Teacher;
            class_create:      CreateClass     => HandedOut,            Teacher;
            class_sheet:       PrintCards      => HandedOut,            Teacher;
            devices_rename:    RenameDevices   => DevicesChanged,       Teacher;
            devices_move:      MoveDevices     => DevicesChanged,       Teacher;
            devices_revoke:    DeviceRefs      => DevicesChanged,       Teacher;
            devices_restore:   DeviceRefs      => DevicesChanged,       Teacher;
            devices_remove:    DeviceRefs      => Nothing,              Teacher;
            year_preview:      EndYear         => YearPlan,             Administrator;
            year_end:          EndYear         => YearEnded,            Administrator;
            device_certify:    DeviceRef       => IssuedCertificate,    Teacher;
            authority_status:  Nothing         => AuthorityStatus,      Assistant;
            authority_change_start: Nothing    => AuthorityStatus,      Administrator;
            authority_change_finish: FinishAuthorityChange => AuthorityStatus, Administrator;
            clock_status:      Nothing         => ClockStatus,          Assistant;
            clock_serve:       ServeClock      => ClockStatus,          Administrator;
            enrolment_status:  Nothing         => Enrolment,            Teacher;
            enrolment_open:    OpenEnrolment   => Enrolment,            Teacher;
            enrolment_close:   Nothing         => Enrolment,            Teacher;
            simulated_start:   StartSimulated  => Vec<Device>,          Teacher;
            simulated_remove:  Nothing         => Nothing,              Teacher;
            client_list:       Nothing         => Vec<Client>,          Assistant;
            client_kick:       KickClient      => Nothing,              Teacher;
            event_list:        ListEvents      => EventPage,            Assistant;
            doctor_list:       Nothing         => Vec<Patient>,         Assistant;
            doctor_forget:     PatientRef      => Nothing,              Teacher;
            self_test:         Nothing         => Vec<TestStep>,        Teacher;
            network_check:     CheckNetwork    => NetworkReport,        Assistant;
            network_choose:    ChooseAddress   => SiteStatus,           Administrator;
            address_report:    Nothing         => AddressReport,        Assistant;
            firewall_open:     OpenFirewall    => FirewallOpened,       Administrator;
            serial_list:       Nothing         => SerialList,           Assistant;
            serial_attach:     AttachSerial    => SerialLink,           Teacher;
            serial_detach:     DeviceRef       => Nothing,              Teacher;
            topic_read:        TopicRef        => TopicDetail,          Projector;
            message_publish:   PublishMessage  => Nothing,              Teacher;
            retained_clear:    TopicRef        => Nothing,              Teacher;
            record_query:      QueryRecords    => RecordPage,           Projector;
            record_series:     QuerySeries     => Series,               Projector;
            export_preview:    Selection       => ExportPreview,        Assistant;
            export_start:      StartExport     => ExportJob,            Teacher;
            export_status:     WatchExport     => ExportJob,            Teacher;
            export_drop:       ExportRef       => Nothing,              Teacher;
            feed_list:         Nothing         => Vec<Feed>,            Teacher;
            feed_create:       CreateFeed      => CreatedFeed,          Teacher;
            feed_revoke:       FeedRef         => Nothing,              Teacher;
            rights_show:       Nothing         => RightsShown,          Assistant;
            rights_change:     ChangeRights    => RightsChanged,        Teacher;
            rights_undo:       Nothing         => RightsShown,          Teacher;
            rights_test:       TestRights      => RightsAnswer,         Assistant;
            rights_of:         DeviceRef       => DeviceRights,         Assistant;
            rights_prove:      Nothing         => RightsShown,          Teacher;
            guests_switch:     SwitchGuests    => SiteStatus,           Teacher;
            one_port_set:      SetOnePort      => SiteStatus,           Administrator;
            record_status:     Nothing         => RecorderStatus,       Assistant;
        }
    };
}

macro_rules! command_table {
    ($($name:ident: $request:ty => $answer:ty, $role:ident;)*) => {
        /// Every command with the least role that may use it, in the order of the list.
        pub const COMMANDS: &[(&str, Role)] = &[$((stringify!($name), Role::$role)),*];

        /// Shows the collector every type of the list, and writes the map of commands.
        pub(crate) fn command_types(types: &mut crate::typescript::Types) -> String {
            let mut map = String::from("/** Every command: what it takes and what it answers. */\nexport type Commands = {\n");
            $(
                types.add::<$request>();
                types.add::<$answer>();
                map.push_str(&format!(
                    "  {}: {{ request: {}; answer: {} }};\n",
                    stringify!($name), types.name::<$request>(), types.name::<$answer>(),
                ));
            )*
            map.push_str("};\n");
            map
        }
    };
}
with_commands!(command_table);
