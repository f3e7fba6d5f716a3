//! A folder for each path, a file for each thing that can be asked there.

mod token;
