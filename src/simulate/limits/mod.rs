//! What the gateway and the providers behind it limit: requests and tokens in a minute, requests in
//! flight, and outages of a model.

mod enforcement;
mod gate;
mod hint_form;
mod limit;
mod meter;
mod outage;
mod quota;

pub use enforcement::{Enforcement, EnforcementError};
pub(super) use gate::Gate;
pub use hint_form::{HintForm, HintFormError};
pub(super) use limit::{Limit, Limited};
pub use outage::{Outage, OutageError};
pub use quota::{ModelQuota, ModelQuotaError};
