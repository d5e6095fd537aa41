//! The addresses of pods and nodes.
//!
//! The pods of the n-th node, counted from 0, get their addresses from 10.244.n.0/24 (10.245.0.0/24 is the
//! 257th block, and so on), in turn, so that an address is not used again soon. Nodes stand in 10.0.0.0/9.
//! A node whose block is full, or that comes after the 3,072nd, hands out addresses of 100.64.0.0/10.

use std::net::Ipv4Addr;

use crate::model::ids::NodeId;

const NODES: u32 = u32::from_be_bytes([10, 0, 0, 1]);
const PODS: u32 = u32::from_be_bytes([10, 244, 0, 0]);
const PODS_END: u32 = u32::from_be_bytes([11, 0, 0, 0]);
const SPARE: u32 = u32::from_be_bytes([100, 64, 0, 0]);
const N_SPARE: u32 = 1 << 22;
/// The first address of a block names the block, the second the node's bridge.
const FIRST_HOST: u8 = 2;
/// The last one is for broadcasts.
const LAST_HOST: u8 = 254;

/// The place of a node among all nodes, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeNumber(u32);

/// The addresses of one node's pods.
#[derive(Debug, Clone, Default)]
pub(super) struct AddressBlock {
    in_use: [u64; 4],
    last: u8,
}

/// Addresses for pods of nodes without a free one; each is handed out once.
#[derive(Debug, Clone, Default)]
pub(super) struct SpareAddresses {
    n_taken: u32,
}

impl From<NodeId> for NodeNumber {
    fn from(node: NodeId) -> Self {
        Self(node.index() as u32)
    }
}

/// The address of a node itself.
pub(super) fn node_address(node: NodeNumber) -> Ipv4Addr {
    Ipv4Addr::from(NODES.saturating_add(node.0))
}

impl AddressBlock {
    /// Takes the next free address of a node's block after the last one taken.
    pub(super) fn take(&mut self, node: NodeNumber, spare: &mut SpareAddresses) -> Ipv4Addr {
        let block = block(node);
        match block.and_then(|block| Some((block, self.next_free()?))) {
            Some((block, host)) => {
                self.in_use[usize::from(host / 64)] |= 1 << (host % 64);
                self.last = host;
                Ipv4Addr::from(block + u32::from(host))
            }
            None => spare.take(),
        }
    }

    /// Gives an address back.
    pub(super) fn free(&mut self, node: NodeNumber, address: Ipv4Addr) {
        let Some(host) = block(node).and_then(|block| u32::from(address).checked_sub(block)) else { return };
        if let Ok(host) = u8::try_from(host) {
            self.in_use[usize::from(host / 64)] &= !(1 << (host % 64));
        }
    }

    fn next_free(&self) -> Option<u8> {
        let after_last = self.last.saturating_add(1).max(FIRST_HOST)..=LAST_HOST;
        let is_free = |host: &u8| self.in_use[usize::from(host / 64)] >> (host % 64) & 1 == 0;
        after_last.chain(FIRST_HOST..=self.last).find(is_free)
    }
}

impl SpareAddresses {
    fn take(&mut self) -> Ipv4Addr {
        let address = Ipv4Addr::from(SPARE + self.n_taken % N_SPARE);
        self.n_taken = self.n_taken.wrapping_add(1);
        address
    }
}

/// The first address of a node's block.
fn block(node: NodeNumber) -> Option<u32> {
    let block = node.0.checked_mul(256)?.checked_add(PODS)?;
    (block < PODS_END).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: Ipv4Addr, expected: &str) {
        assert_eq!(address.to_string(), expected);
    }

    #[test]
    fn a_freed_address_is_used_again_only_after_all_others() {
        let (node, mut block, mut spare) =
            (NodeNumber(1), AddressBlock::default(), SpareAddresses::default());
        let first = block.take(node, &mut spare);
        check(first, "10.244.1.2");
        block.free(node, first);
        check(block.take(node, &mut spare), "10.244.1.3");
        for _ in 4..=254 {
            block.take(node, &mut spare);
        }
        check(block.take(node, &mut spare), "10.244.1.2");
    }

    #[test]
    fn a_full_block_and_a_node_beyond_the_last_block_get_spare_addresses() {
        let (first, mut block, mut spare) =
            (NodeNumber(0), AddressBlock::default(), SpareAddresses::default());
        for _ in 2..=254 {
            block.take(first, &mut spare);
        }
        check(block.take(first, &mut spare), "100.64.0.0");
        let late = NodeNumber(3072);
        check(AddressBlock::default().take(late, &mut spare), "100.64.0.1");
        check(AddressBlock::default().take(NodeNumber(300), &mut spare), "10.245.44.2");
    }

    #[test]
    fn nodes_have_addresses_of_their_own() {
        check(node_address(NodeNumber(0)), "10.0.0.1");
        check(node_address(NodeNumber(299)), "10.0.1.44");
    }
}
