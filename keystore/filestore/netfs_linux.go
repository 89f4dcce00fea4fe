package filestore

import (
	"os"

	"golang.org/x/sys/unix"
)

// networkMagic are the file systems whose locks, page cache or fsync another
// machine or a user's program has a say in, by statfs(2) and the kernel's
// drivers.
var networkMagic = map[uint32]string{
	unix.AFS_FS_MAGIC:     "AFS",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.FUSE_SUPER_MAGIC: "FUSE", // virtiofs, GlusterFS, s3fs and sshfs too
	unix.NCP_SUPER_MAGIC:  "NCP",
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.V9FS_MAGIC:       "9p",
	0x0bd00bd0:            "Lustre",
	0x19830326:            "BeeGFS",
	0x47504653:            "GPFS",
	0x61636673:            "ACFS",
	0x7461636f:            "OCFS2",
	0x01161970:            "GFS2",
	0x786f4256:            "VirtualBox",
	0xaad7aaea:            "PanFS",
	0xbacbacbc:            "VMware",
	0xbeefdead:            "SNFS",
}

// networkFS returns what kind of network file system dir is on, or "".
func networkFS(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return networkMagic[uint32(st.Type)], nil // a signed type on some architectures
}
