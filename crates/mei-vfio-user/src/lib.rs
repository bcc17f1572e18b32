//! The emulated engine as a PCI function of a virtual machine, over vfio-user.
