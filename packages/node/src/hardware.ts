import type { Json } from '@csm/model';

/** The kinds of hardware parts a node is made of. */
export const PART_KINDS = ['cpu', 'dimm', 'gpu', 'hca', 'nic', 'ssd'] as const;
export type PartKind = (typeof PART_KINDS)[number];

/** One part, as its node found it. Unique in its node by (kind, location). */
export interface Part {
  readonly kind: PartKind;
  /** Where it sits, and stays when the part is changed: DIMM locator, PCI address, socket designation. */
  readonly location: string;
  /**
   * Null where none is told, or the told one is a placeholder; then the location is its identity. That of a NIC is
   * its permanent MAC address: the ports of one card share the number on its label.
   */
  readonly serial: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly part_number: string | null;
  readonly firmware: string | null;
  /**
   * What else is known, by the names of CSM's tables where it has the column. dimm: size (kB), physical_location,
   * speed_mt_s; gpu: gpu_id, device_name, pci_bus_id, uuid, vbios, inforom_image_version, hbm_memory (kB); hca: guid,
   * pci_bus_id, fw_ver, hw_rev, board_id, ports; nic: mac, driver, pci_bus_id; ssd: size (bytes), pci_bus_id; cpu:
   * discovered_cores, discovered_threads.
   */
  readonly details: { readonly [name: string]: Json };
  /**
   * What changes while the part is the same: wear, speed and state of links, the name the kernel gave it at this boot.
   * Neither hashed nor a change.
   */
  readonly passing: { readonly [name: string]: Json };
}
