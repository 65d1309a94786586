//! What requests can be sent to.

/// What requests can be sent to.
pub(crate) trait Destination {
    /// What `--base-url` takes.
    fn base_url(&self) -> String;
}

impl Destination for str {
    fn base_url(&self) -> String {
        self.to_owned()
    }
}

impl Destination for String {
    fn base_url(&self) -> String {
        self.clone()
    }
}
