//! A program under test: sorts support tickets with the help of a model.
//!
//!     OPENAI_BASE_URL=https://openrouter.ai/api/v1 OPENAI_API_KEY=… cargo run --example triage -- tickets.csv
//!
//! Its tests stand beside it, in `tests.rs`: they run without a network and cost nothing.

mod triage;

use std::error::Error;
use std::fs::File;
use std::{env, io};

use triage::{Model, Ticket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("name a CSV file of tickets, with the columns id and text")?;
    let base_url = env::var("OPENAI_BASE_URL").unwrap_or_else(|_| "https://api.openai.com/v1".to_owned());
    let api_key = env::var("OPENAI_API_KEY").ok();
    let model = Model::new(&base_url, api_key.as_deref())?;
    let tickets = Ticket::read_all(File::open(path)?)?;
    triage::run(&model, &tickets, &mut io::stdout()).await?;
    Ok(())
}
