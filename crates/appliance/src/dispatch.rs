//! From a command's name and JSON to its method and back, made from the one list of commands.

use wire::{Problem, Role};

use crate::limits::REQUEST_BYTES;
use crate::{Appliance, Error};

macro_rules! dispatcher {
    ($($name:ident: $request:ty => $answer:ty, $least:ident;)*) => {
        impl Appliance {
            /// Runs a command for somebody with `role`. The body is the JSON of its request.
            pub async fn dispatch(&self, command: &str, role: Role, body: &[u8]) -> Result<Vec<u8>, Problem> {
                #[allow(unused_imports)]
                use wire::*;
                match command {
                    $(stringify!($name) => {
                        allow(stringify!($name), role, Role::$least)?;
                        let request: $request = parse(body)?;
                        let answer: $answer = self.$name(request).await?;
                        Ok(serde_json::to_vec(&answer).map_err(Error::Answer)?)
                    })*
                    _ => Err(Error::UnknownCommand(command.chars().take(64).collect()).into()),
                }
            }
        }
    };
}
wire::with_commands!(dispatcher);

fn allow(command: &'static str, role: Role, least: Role) -> Result<(), Error> {
    if role.may_use(least) { Ok(()) } else { Err(Error::NotAllowed { command, role, least }) }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    if body.len() > REQUEST_BYTES {
        return Err(Error::TooLarge { field: "", limit: REQUEST_BYTES });
    }
    serde_json::from_slice(body).map_err(Error::Malformed)
}
