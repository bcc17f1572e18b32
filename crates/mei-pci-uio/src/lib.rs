//! A real MEI PCI function driven from user space.
