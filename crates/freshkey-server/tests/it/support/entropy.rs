//! Random bytes that are the same in every run and different on every node.

use freshkey_core::Entropy;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct SeededEntropy {
    node: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    pub fn of_node(node: u64) -> Self {
        Self { node, counter: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.counter.fetch_add(1, Ordering::Relaxed);
            let block = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[self.node.to_be_bytes(), number.to_be_bytes()].concat());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
    }
}
