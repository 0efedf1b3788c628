/*
 * The PF, its VFs, and what a test may break in them.
 *
 *  -device hvdpa-nic,id=nic,bus=rp1,vfs=4,queue-pairs=4,layout=hvdpa
 *  -device hvdpa-nic,id=disks,bus=rp2,vfs=2,kind=blk,drive=d   (drives d0, d1)
 *
 * A VF's faults are its properties, to be set while it runs:
 *  qom-set /machine/peripheral/nic/vf0 stuck-suspend true
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "standard-headers/linux/virtio_pci.h"
#include "nic.h"

#define PF_DEVICE_ID    0x10f0
#define VF_MSIX_BAR     0
#define EXP_CAP         0x70
#define ARI_CAP         0x100
#define SRIOV_CAP       0x140
#define CONFIG_READS    0xf0
#define CONFIG_WRITES   0xf4

static const struct {
    const char *name;
    uint16_t device[2], subsystem_vendor[2], subsystem[2];  /* net, blk */
} layouts[] = {
    [NIC_LAYOUT_HVDPA] = { "hvdpa", { 0x1041, 0x1042 },
                           { 0x1af4, 0x1af4 }, { 0x1100, 0x1100 } },
    [NIC_LAYOUT_IFC] = { "ifc", { 0x1041, 0x1042 },
                         { 0x8086, 0x8086 }, { 0x001a, 0x0002 } },
    [NIC_LAYOUT_IFC_DENSE] = { "ifc-dense", { 0x1000, 0x1042 },
                               { 0x8086, 0x8086 }, { 0x0001, 0x0000 } },
    [NIC_LAYOUT_VIRTIO14] = { "virtio14", { 0x1041, 0x1042 },
                              { 0x1af4, 0x1af4 }, { 0x1100, 0x1100 } },
    [NIC_LAYOUT_PLAIN] = { "plain", { 0x1041, 0x1042 },
                           { 0x1af4, 0x1af4 }, { 0x1100, 0x1100 } },
};

/* Accesses narrower than a register are parts of it. */
static uint64_t regs_value(NicVF *vf, hwaddr addr, unsigned size)
{
    VirtIODevice *vdev = nic_vdev(vf);

    if (addr < NIC_ISR) {
        return nic_common_read(vf, addr);
    }
    if (addr < NIC_CONFIG) {
        return qatomic_xchg(&vdev->isr, 0);
    }
    if (addr < NIC_CONFIG + NIC_CONFIG_SIZE) {
        addr -= NIC_CONFIG;
        return size == 1 ? virtio_config_modern_readb(vdev, addr) :
               size == 2 ? virtio_config_modern_readw(vdev, addr) :
                           virtio_config_modern_readl(vdev, addr);
    }
    if (vf->pf->layout == NIC_LAYOUT_HVDPA && addr >= NIC_BLOCK &&
        addr < NIC_BLOCK + NIC_BLOCK_SIZE) {
        return nic_block_read(vf, addr - NIC_BLOCK);
    }
    return 0;
}

static uint64_t regs_read(void *opaque, hwaddr addr, unsigned size)
{
    NicVF *vf = opaque;

    vf->reads++;
    if (vf->fault.all_ones) {
        return UINT64_MAX;
    }
    return nic_noise(vf, addr, regs_value(vf, addr, size));
}

static void regs_write(void *opaque, hwaddr addr, uint64_t value,
                       unsigned size)
{
    NicVF *vf = opaque;
    VirtIODevice *vdev = nic_vdev(vf);

    vf->writes++;
    if (vf->fault.all_ones) {
        return;
    }
    if (addr < NIC_ISR) {
        nic_common_write(vf, addr, value);
    } else if (addr >= NIC_CONFIG && addr < NIC_CONFIG + NIC_CONFIG_SIZE) {
        addr -= NIC_CONFIG;
        if (size == 1) {
            virtio_config_modern_writeb(vdev, addr, value);
        } else if (size == 2) {
            virtio_config_modern_writew(vdev, addr, value);
        } else {
            virtio_config_modern_writel(vdev, addr, value);
        }
    } else if (vf->pf->layout == NIC_LAYOUT_HVDPA && addr >= NIC_BLOCK &&
               addr < NIC_BLOCK + NIC_BLOCK_SIZE) {
        nic_block_write(vf, addr - NIC_BLOCK, value);
    }
}

static const MemoryRegionOps regs_ops = {
    .read = regs_read,
    .write = regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

static uint64_t doorbells_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void doorbells_write(void *opaque, hwaddr addr, uint64_t value,
                            unsigned size)
{
    NicVF *vf = opaque;

    if (!vf->fault.all_ones) {
        nic_doorbell(vf, addr >> 12);
    }
}

static const MemoryRegionOps doorbells_ops = {
    .read = doorbells_read,
    .write = doorbells_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static bool add_structure(PCIDevice *pci, uint8_t type, uint32_t offset,
                          uint32_t length, Error **errp)
{
    bool notify = type == VIRTIO_PCI_CAP_NOTIFY_CFG;
    uint8_t size = notify ? sizeof(struct virtio_pci_notify_cap) :
                            sizeof(struct virtio_pci_cap);
    int at = pci_add_capability(pci, PCI_CAP_ID_VNDR, 0, size, errp);
    uint8_t *cap = pci->config + at;

    if (at < 0) {
        return false;
    }
    cap[offsetof(struct virtio_pci_cap, cap_len)] = size;
    cap[offsetof(struct virtio_pci_cap, cfg_type)] = type;
    pci_set_long(cap + offsetof(struct virtio_pci_cap, offset), offset);
    pci_set_long(cap + offsetof(struct virtio_pci_cap, length), length);
    if (notify) {
        pci_set_long(cap + offsetof(struct virtio_pci_notify_cap,
                                    notify_off_multiplier), 4096);
    }
    return true;
}

static bool add_migration_cap(NicVF *vf, Error **errp)
{
    struct hvdpa_migration_cap cap = {
        .cap_len = sizeof(cap),
        .cfg_type = HVDPA_MIGRATION_CFG_TYPE,
        .vendor_id = cpu_to_le16(NIC_CARD_VENDOR),
        .version = HVDPA_MIGRATION_VERSION,
        .magic = cpu_to_le32(HVDPA_MIGRATION_MAGIC),
        .offset = cpu_to_le32(NIC_BLOCK),
        .length = cpu_to_le32(NIC_BLOCK_SIZE),
    };

    vf->cap = pci_add_capability(&vf->pci, PCI_CAP_ID_VNDR, 0, sizeof(cap),
                                 errp);
    if (vf->cap < 0) {
        return false;
    }
    memcpy(vf->pci.config + vf->cap + 2, (uint8_t *)&cap + 2, sizeof(cap) - 2);
    return true;
}

static void vf_realize(PCIDevice *pci, Error **errp)
{
    NicVF *vf = NIC_VF(pci);
    NicPF *pf = vf->pf = NIC_PF(pcie_sriov_get_pf(pci));
    g_autofree char *link = NULL;

    vf->number = pcie_sriov_vf_number(pci);
    pci_config_set_class(pci->config, pf->blk ? PCI_CLASS_STORAGE_SCSI :
                         PCI_CLASS_NETWORK_ETHERNET);
    pci_set_word(pci->config + PCI_SUBSYSTEM_VENDOR_ID,
                 layouts[pf->layout].subsystem_vendor[pf->blk]);
    pci_set_word(pci->config + PCI_SUBSYSTEM_ID,
                 layouts[pf->layout].subsystem[pf->blk]);
    if (pcie_endpoint_cap_init(pci, EXP_CAP) < 0) {
        error_setg(errp, "no PCI Express capability");
        return;
    }
    pcie_cap_flr_init(pci);
    pcie_ari_init(pci, ARI_CAP);

    memory_region_init(&vf->bar, OBJECT(vf), "hvdpa-nic-vf", NIC_BAR_SIZE);
    memory_region_init_io(&vf->regs, OBJECT(vf), &regs_ops, vf,
                          "hvdpa-nic-vf-regs", NIC_REGS_SIZE);
    memory_region_init_io(&vf->doorbells, OBJECT(vf), &doorbells_ops, vf,
                          "hvdpa-nic-vf-doorbells", NIC_QUEUES << 12);
    memory_region_add_subregion(&vf->bar, 0, &vf->regs);
    memory_region_add_subregion(&vf->bar, NIC_DOORBELLS, &vf->doorbells);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_MEM_TYPE_64, &vf->bar);
    memory_region_init_io(&vf->ifc, OBJECT(vf), &nic_ifc_ops, vf,
                          "hvdpa-nic-vf-ifc", NIC_IFC_SIZE);
    if (pf->layout == NIC_LAYOUT_IFC || pf->layout == NIC_LAYOUT_IFC_DENSE) {
        pci_register_bar(pci, HVDPA_IFC_BAR, PCI_BASE_ADDRESS_MEM_TYPE_64,
                         &vf->ifc);
    }
    if (msix_init(pci, pf->vectors, &vf->bar, VF_MSIX_BAR, NIC_MSIX,
                  &vf->bar, VF_MSIX_BAR, NIC_PBA, 0, errp) < 0) {
        return;
    }
    for (uint32_t i = 0; i < pf->vectors; i++) {
        msix_vector_use(pci, i);
    }
    if (!add_structure(pci, VIRTIO_PCI_CAP_COMMON_CFG, NIC_COMMON,
                       sizeof(struct virtio_pci_common_cfg), errp) ||
        !add_structure(pci, VIRTIO_PCI_CAP_ISR_CFG, NIC_ISR, 4, errp) ||
        !add_structure(pci, VIRTIO_PCI_CAP_DEVICE_CFG, NIC_CONFIG,
                       NIC_CONFIG_SIZE, errp) ||
        !add_structure(pci, VIRTIO_PCI_CAP_NOTIFY_CFG, NIC_DOORBELLS,
                       NIC_QUEUES << 12, errp)) {
        return;
    }
    if (pf->layout == NIC_LAYOUT_HVDPA && !add_migration_cap(vf, errp)) {
        return;
    }
    if (!nic_endpoint_realize(vf, errp)) {
        return;
    }
    link = g_strdup_printf("vf%d", vf->number);
    object_property_add_const_link(OBJECT(pf), link, OBJECT(vf));
}

static void vf_exit(PCIDevice *pci)
{
    NicVF *vf = NIC_VF(pci);

    nic_endpoint_exit(vf);
    msix_unuse_all_vectors(pci);
    msix_uninit(pci, &vf->bar, &vf->bar);
    pcie_cap_exit(pci);
}

static void vf_reset_hold(Object *obj, ResetType type)
{
    nic_endpoint_reset(NIC_VF(obj));
}

static void vf_config_write(PCIDevice *pci, uint32_t addr, uint32_t value,
                            int len)
{
    pci_default_write_config(pci, addr, value, len);
    pcie_cap_flr_write_config(pci, addr, value, len);
}

static uint32_t vf_config_read(PCIDevice *pci, uint32_t addr, int len)
{
    if (NIC_VF(pci)->fault.all_ones) {
        return UINT32_MAX;
    }
    /* For the figures: how often registers were read, and written. */
    if (addr == CONFIG_READS) {
        return NIC_VF(pci)->reads;
    }
    if (addr == CONFIG_WRITES) {
        return NIC_VF(pci)->writes;
    }
    return pci_default_read_config(pci, addr, len);
}

/* What the contract's capability says; a test makes it lie. */
static void set_cap(Object *obj, Visitor *v, const char *name, void *opaque,
                    Error **errp)
{
    NicVF *vf = NIC_VF(obj);
    size_t offset = (uintptr_t)opaque;
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    if (!vf->cap) {
        error_setg(errp, "this layout has no capability");
    } else if (offset == offsetof(struct hvdpa_migration_cap, vendor_id)) {
        pci_set_word(vf->pci.config + vf->cap + offset, value);
    } else if (offset < offsetof(struct hvdpa_migration_cap, magic)) {
        vf->pci.config[vf->cap + offset] = value;
    } else {
        pci_set_long(vf->pci.config + vf->cap + offset, value);
    }
}

static void set_num_queues(Object *obj, Visitor *v, const char *name,
                           void *opaque, Error **errp)
{
    visit_type_uint32(v, name, &NIC_VF(obj)->pf->num_queues, errp);
}

static void set_number(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    if (visit_type_uint32(v, name,
                          (uint32_t *)((char *)obj + (uintptr_t)opaque),
                          errp)) {
        nic_hostile_update(NIC_VF(obj));
    }
}

static void get_number(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    visit_type_uint32(v, name, (uint32_t *)((char *)obj + (uintptr_t)opaque),
                      errp);
}

static void set_stray(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    if (visit_type_uint64(v, name, &NIC_VF(obj)->fault.stray, errp)) {
        nic_hostile_update(NIC_VF(obj));
    }
}

static void set_flag(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    visit_type_bool(v, name, (bool *)((char *)obj + (uintptr_t)opaque), errp);
}

static void vf_class_init(ObjectClass *class, void *data)
{
    static const struct {
        const char *name;
        size_t offset;
    } flags[] = {
        { "stuck-reset", offsetof(NicVF, fault.stuck_reset) },
        { "stuck-suspend", offsetof(NicVF, fault.stuck_suspend) },
        { "all-ones", offsetof(NicVF, fault.all_ones) },
        { "late-dma", offsetof(NicVF, fault.late_dma) },
        { "log-lost", offsetof(NicVF, fault.log_lost) },
        { "reorder", offsetof(NicVF, fault.reorder) },
        { "forget-state", offsetof(NicVF, fault.forget_state) },
        { "deaf", offsetof(NicVF, fault.deaf) },
        { "vanish", offsetof(NicVF, fault.vanish) },
        { "mute", offsetof(NicVF, fault.mute) },
        { "nth-zero", offsetof(NicVF, fault.nth_zero) },
    }, numbers[] = {
        { "drop-log", offsetof(NicVF, fault.drop_log) },
        { "delay-log", offsetof(NicVF, fault.delay_log) },
        { "page-shifts", offsetof(NicVF, fault.page_shifts) },
        { "slow-log", offsetof(NicVF, fault.slow_log) },
        { "state-garbage", offsetof(NicVF, fault.state_garbage) },
        { "fill-log", offsetof(NicVF, fault.fill_log) },
        { "storm", offsetof(NicVF, fault.storm) },
        { "noise", offsetof(NicVF, fault.noise) },
        { "noise-from", offsetof(NicVF, fault.noise_from) },
        { "nth-read", offsetof(NicVF, fault.nth_read) },
        { "stuck-status", offsetof(NicVF, fault.stuck_status) },
        { "jump", offsetof(NicVF, fault.jump) },
        { "command-delay", offsetof(NicVF, fault.command_delay) },
    }, caps[] = {
        { "cap-len", offsetof(struct hvdpa_migration_cap, cap_len) },
        { "cap-vendor", offsetof(struct hvdpa_migration_cap, vendor_id) },
        { "cap-version", offsetof(struct hvdpa_migration_cap, version) },
        { "cap-bar", offsetof(struct hvdpa_migration_cap, bar) },
        { "cap-magic", offsetof(struct hvdpa_migration_cap, magic) },
        { "cap-offset", offsetof(struct hvdpa_migration_cap, offset) },
        { "cap-length", offsetof(struct hvdpa_migration_cap, length) },
    };
    PCIDeviceClass *pci = PCI_DEVICE_CLASS(class);

    pci->realize = vf_realize;
    pci->exit = vf_exit;
    pci->config_write = vf_config_write;
    pci->config_read = vf_config_read;
    pci->vendor_id = PCI_VENDOR_ID_REDHAT_QUMRANET;
    pci->device_id = 0x1041;
    pci->revision = 1;
    pci->class_id = PCI_CLASS_NETWORK_ETHERNET;
    RESETTABLE_CLASS(class)->phases.hold = vf_reset_hold;
    DEVICE_CLASS(class)->user_creatable = false;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        object_class_property_add(class, flags[i].name, "bool", NULL, set_flag,
                                  NULL, (void *)flags[i].offset);
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        object_class_property_add(class, numbers[i].name, "uint32",
                                  get_number, set_number, NULL,
                                  (void *)numbers[i].offset);
    }
    for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
        object_class_property_add(class, caps[i].name, "uint32", NULL, set_cap,
                                  NULL, (void *)caps[i].offset);
    }
    object_class_property_add(class, "num-queues", "uint32", NULL,
                              set_num_queues, NULL, NULL);
    object_class_property_add(class, "stray", "uint64", NULL, set_stray, NULL,
                              NULL);
}

static const TypeInfo vf_info = {
    .name = TYPE_NIC_VF,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(NicVF),
    .class_init = vf_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static bool pf_options(NicPF *pf, Error **errp)
{
    size_t i;

    if (pf->kind && strcmp(pf->kind, "net") && strcmp(pf->kind, "blk")) {
        error_setg(errp, "kind is net or blk, not '%s'", pf->kind);
        return false;
    }
    pf->blk = !g_strcmp0(pf->kind, "blk");
    for (i = 0; i < ARRAY_SIZE(layouts); i++) {
        if (!g_strcmp0(pf->layout_name ?: "hvdpa", layouts[i].name)) {
            break;
        }
    }
    if (i == ARRAY_SIZE(layouts)) {
        error_setg(errp, "no layout '%s'", pf->layout_name);
        return false;
    }
    pf->layout = i;
    if (!pf->queue_pairs || pf->queue_pairs > (NIC_QUEUES - 1) / 2) {
        error_setg(errp, "queue-pairs is 1 to %d", (NIC_QUEUES - 1) / 2);
        return false;
    }
    if (pf->vectors > NIC_VECTORS) {
        error_setg(errp, "vectors is at most %d", NIC_VECTORS);
        return false;
    }
    return true;
}

static void pf_realize(PCIDevice *pci, Error **errp)
{
    NicPF *pf = NIC_PF(pci);

    if (!pf_options(pf, errp)) {
        return;
    }
    pf->fdb = g_hash_table_new(NULL, NULL);
    if (pcie_endpoint_cap_init(pci, EXP_CAP) < 0) {
        error_setg(errp, "no PCI Express capability");
        return;
    }
    pcie_cap_flr_init(pci);
    pcie_ari_init(pci, ARI_CAP);
    if (!pcie_sriov_pf_init(pci, SRIOV_CAP, TYPE_NIC_VF,
                            layouts[pf->layout].device[pf->blk], pf->vfs,
                            pf->vfs, 1, 1, errp)) {
        return;
    }
    pcie_sriov_pf_init_vf_bar(pci, 0, PCI_BASE_ADDRESS_MEM_TYPE_64,
                              NIC_BAR_SIZE);
    if (pf->layout == NIC_LAYOUT_IFC || pf->layout == NIC_LAYOUT_IFC_DENSE) {
        pcie_sriov_pf_init_vf_bar(pci, HVDPA_IFC_BAR,
                                  PCI_BASE_ADDRESS_MEM_TYPE_64, NIC_IFC_SIZE);
    }
}

static void pf_exit(PCIDevice *pci)
{
    NicPF *pf = NIC_PF(pci);

    for (uint32_t i = 0; i < pf->vfs; i++) {
        g_autofree char *link = g_strdup_printf("vf%u", i);

        object_property_del(OBJECT(pf), link);
    }
    pcie_sriov_pf_exit(pci);
    pcie_cap_exit(pci);
    g_hash_table_destroy(pf->fdb);
}

static void pf_config_write(PCIDevice *pci, uint32_t addr, uint32_t value,
                            int len)
{
    pci_default_write_config(pci, addr, value, len);
    pcie_cap_flr_write_config(pci, addr, value, len);
}

static const Property pf_properties[] = {
    DEFINE_PROP_UINT32("vfs", NicPF, vfs, 4),
    DEFINE_PROP_STRING("kind", NicPF, kind),
    DEFINE_PROP_STRING("layout", NicPF, layout_name),
    DEFINE_PROP_UINT32("queue-pairs", NicPF, queue_pairs, 1),
    DEFINE_PROP_UINT32("vectors", NicPF, vectors, 4),
    DEFINE_PROP_BOOL("packed", NicPF, packed, true),
    DEFINE_PROP_BOOL("rss", NicPF, rss, false),
    DEFINE_PROP_BOOL("guest-tso", NicPF, guest_tso, false),
    DEFINE_PROP_STRING("drive", NicPF, drive),
    DEFINE_PROP_STRING("mac", NicPF, mac),
};

static void pf_class_init(ObjectClass *class, void *data)
{
    PCIDeviceClass *pci = PCI_DEVICE_CLASS(class);

    pci->realize = pf_realize;
    pci->exit = pf_exit;
    pci->config_write = pf_config_write;
    pci->vendor_id = PCI_VENDOR_ID_REDHAT_QUMRANET;
    pci->device_id = PF_DEVICE_ID;
    pci->revision = 1;
    pci->class_id = PCI_CLASS_NETWORK_ETHERNET;
    DEVICE_CLASS(class)->desc = "hvdpa reference NIC";
    set_bit(DEVICE_CATEGORY_NETWORK, DEVICE_CLASS(class)->categories);
    device_class_set_props(DEVICE_CLASS(class), pf_properties);
}

static const TypeInfo pf_info = {
    .name = TYPE_NIC_PF,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(NicPF),
    .class_init = pf_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void register_types(void)
{
    type_register_static(&pf_info);
    type_register_static(&vf_info);
}

type_init(register_types)
