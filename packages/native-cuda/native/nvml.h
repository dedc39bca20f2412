/* What other parts of the addon ask NVML. */
#ifndef VRX_NVML_H
#define VRX_NVML_H

#include "objects.h"

/*
 * Whether NVML says that the device at this place on the bus is lost; false where there is no NVML or no place. It starts
 * NVML for the question, which takes a moment: for errors only.
 */
bool vrx_nvml_says_lost(const vrx_driver *driver, const char *pci_bus_id);

#endif
