//! What goes over the wires of the Management Engine Interface: registers, headers, HBM, ioctls, GUIDs, the PCI device table, client messages.
