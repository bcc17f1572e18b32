//! One module per subcommand: its arguments and what it does.
pub(crate) mod bind;
pub(crate) mod doctor;
pub(crate) mod info;
pub(crate) mod ls;
pub(crate) mod output;
pub(crate) mod personas;
pub(crate) mod remedy;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod unbind;
pub(crate) mod vm_device;
