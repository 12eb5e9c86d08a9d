//! How each firewall is told to let the ports in use through. Only what the system itself asks
//! consent for is ever run; the rest is shown to be copied.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use wire::{FirewallHelp, FirewallOpened, FirewallTool, OpenFirewall, Problem};

use crate::settings::Settings;
use crate::{Appliance, Error};

/// A person reads a question and types a password.
const CONSENT: Duration = Duration::from_secs(120);
const SAID_CHARS: usize = 500;

/// What is to be let through.
pub(crate) struct Wanted {
    pub ports: Vec<u16>,
    pub address: Ipv4Addr,
}

impl Wanted {
    pub fn of(settings: &Settings, address: Ipv4Addr) -> Wanted {
        Wanted { ports: settings.ports.named().into_iter().map(|(_, port)| port).collect(), address }
    }

    fn list(&self) -> String {
        self.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
    }

    /// The programs and arguments of a tool that can be run: no shell is between.
    fn runs(&self, tool: FirewallTool) -> Option<Vec<Vec<String>>> {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        match tool {
            FirewallTool::Ufw => {
                let rule = format!("ufw allow proto tcp to {} port {} comment Courtier", self.address, self.list());
                Some(vec![words(&rule)])
            }
            FirewallTool::Firewalld => {
                let ports: Vec<String> = self.ports.iter().map(|port| format!("--add-port={port}/tcp")).collect();
                let ports = ports.join(" ");
                Some(vec![
                    words(&format!("firewall-cmd --permanent --add-service=mdns {ports}")),
                    words("firewall-cmd --reload"),
                ])
            }
            _ => None,
        }
    }

    fn command(&self, tool: FirewallTool) -> String {
        let list = self.list();
        match tool {
            FirewallTool::Ufw | FirewallTool::Firewalld => {
                let runs = self.runs(tool).unwrap_or_default();
                runs.iter().map(|words| format!("sudo {}", words.join(" "))).collect::<Vec<_>>().join(" && ")
            }
            FirewallTool::Nftables => format!(
                "sudo nft insert rule inet filter input ip daddr {} tcp dport '{{ {} }}' accept",
                self.address,
                list.replace(',', ", ")
            ),
            FirewallTool::WindowsPowershell => format!(
                "New-NetFirewallRule -DisplayName Courtier -Direction Inbound -Action Allow -Protocol TCP \
                 -LocalPort {list} -Profile Private,Domain"
            ),
            FirewallTool::WindowsNetsh => format!(
                "netsh advfirewall firewall add rule name=Courtier dir=in action=allow protocol=TCP \
                 localport={list} profile=private,domain"
            ),
            FirewallTool::Macos => {
                let program = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
                let tool = "/usr/libexec/ApplicationFirewall/socketfilterfw";
                format!("sudo {tool} --add '{program}' && sudo {tool} --unblockapp '{program}'")
            }
        }
    }

    /// The tools of this system first; the others for whoever administers from elsewhere.
    pub fn help(&self) -> Vec<FirewallHelp> {
        let all = [
            FirewallTool::Ufw,
            FirewallTool::Firewalld,
            FirewallTool::Nftables,
            FirewallTool::WindowsPowershell,
            FirewallTool::WindowsNetsh,
            FirewallTool::Macos,
        ];
        let mut help: Vec<FirewallHelp> = all
            .into_iter()
            .map(|tool| {
                let here = guards(tool);
                let runnable = here && self.runs(tool).is_some() && found("pkexec");
                FirewallHelp { tool, command: self.command(tool), here, runnable }
            })
            .collect();
        help.sort_by_key(|help| (!help.here, !of_this_system(help.tool)));
        help
    }
}

fn of_this_system(tool: FirewallTool) -> bool {
    match tool {
        FirewallTool::Ufw | FirewallTool::Firewalld | FirewallTool::Nftables => cfg!(target_os = "linux"),
        FirewallTool::WindowsPowershell | FirewallTool::WindowsNetsh => cfg!(windows),
        FirewallTool::Macos => cfg!(target_os = "macos"),
    }
}

/// Whether it guards this computer, as far as one may know without being an administrator.
fn guards(tool: FirewallTool) -> bool {
    match tool {
        FirewallTool::Ufw => std::fs::read_to_string("/etc/ufw/ufw.conf")
            .is_ok_and(|text| text.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"))),
        FirewallTool::Firewalld => Path::new("/run/firewalld").exists(),
        FirewallTool::Nftables => false,
        FirewallTool::WindowsPowershell | FirewallTool::Macos => of_this_system(tool),
        FirewallTool::WindowsNetsh => false,
    }
}

fn found(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

impl Appliance {
    /// Lets the ports in use through. The system asks for consent; we never see a password.
    pub async fn firewall_open(&self, request: OpenFirewall) -> Result<FirewallOpened, Problem> {
        let site = self.inner.site()?;
        let wanted = Wanted::of(&site.settings.load(), site.running()?.address());
        let runnable = wanted.help().into_iter().any(|help| help.tool == request.tool && help.runnable);
        let runs = wanted.runs(request.tool).filter(|_| runnable).ok_or(Error::FirewallByHand)?;
        let mut said = String::new();
        for words in runs {
            let run =
                tokio::process::Command::new("pkexec").args(&words).stdin(Stdio::null()).kill_on_drop(true).output();
            let output = match tokio::time::timeout(CONSENT, run).await {
                Ok(Ok(output)) => output,
                Ok(Err(error)) => return Ok(FirewallOpened { opened: false, detail: error.to_string() }),
                Err(_) => return Ok(FirewallOpened { opened: false, detail: "no answer".to_owned() }),
            };
            let text = [output.stdout, output.stderr].concat();
            said = String::from_utf8_lossy(&text).chars().take(SAID_CHARS).collect();
            if !output.status.success() {
                return Ok(FirewallOpened { opened: false, detail: said });
            }
        }
        Ok(FirewallOpened { opened: true, detail: said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_names_every_port_in_use_and_no_other() {
        let wanted = Wanted { ports: vec![8883, 9001, 8480], address: Ipv4Addr::new(172, 16, 14, 20) };
        for help in wanted.help() {
            let numbers: Vec<u16> = help
                .command
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .filter(|number| *number > 255)
                .collect();
            let by_program = help.tool == FirewallTool::Macos;
            assert!(by_program || numbers == wanted.ports, "{}", help.command);
        }
    }

    #[test]
    fn what_is_run_is_what_is_shown() {
        let wanted = Wanted { ports: vec![8883], address: Ipv4Addr::new(10, 0, 0, 2) };
        let rule = "ufw allow proto tcp to 10.0.0.2 port 8883 comment Courtier";
        assert_eq!(wanted.command(FirewallTool::Ufw), format!("sudo {rule}"));
        let runs = wanted.runs(FirewallTool::Ufw).unwrap_or_default();
        assert_eq!(runs.concat().join(" "), rule);
        assert!(wanted.runs(FirewallTool::WindowsNetsh).is_none());
    }
}
