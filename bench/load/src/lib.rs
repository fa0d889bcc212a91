//! A load client for servers of the Model Context Protocol, and the comparison that is made with it.

pub mod awake;
pub mod client;
pub mod contestant;
pub mod counted;
pub mod door;
pub mod http;
pub mod link;
pub mod picture;
pub mod process;
pub mod results;
pub mod rows;
pub mod stdio;
pub mod table;
pub mod wire;
