package main

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"

	"github.com/embedkms/kms"
)

// A sealed file is a header and one chunk or more:
//
//	header  "sealfile" ‖ 01 ‖ u16 length ‖ encrypted data key
//	chunk   nonce 12 ‖ ciphertext ‖ tag 16
//
// A chunk holds 64 KiB of the file, the last one what remains: 1 byte to 64
// KiB, or none if the file is empty. Each is AES-256-GCM under the data key with
//
//	header ‖ u32 number of the chunk, from 0 ‖ u8 1 for the last chunk, else 0
//
// as additional data. So a chunk opens in its own place only: chunks that were
// swapped, repeated or left out show, the end of the file cannot be cut off
// because the chunk before it does not say that it is the last, and nothing can
// be put behind the last.
//
// The nonces are random, which is safe for the 2^32 chunks that a file may have
// and under a key that no other file has. A counter would save 12 bytes a chunk,
// and be the end of both files if someone, some day, kept the data key for two.
const (
	magic     = "sealfile\x01"
	chunkSize = 64 << 10
	overhead  = 12 + 16
)

var errDamaged = errors.New("not a sealed file, or one that was altered, cut or extended")

// newHeader returns the header for an encrypted data key.
func newHeader(encryptedKey []byte) []byte {
	head := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(encryptedKey)))
	return append(head, encryptedKey...)
}

// readHeader reads the header of src and returns it, and the encrypted data key
// in it.
func readHeader(src io.Reader) (head, encryptedKey []byte, err error) {
	const fixed = len(magic) + 2
	head = make([]byte, fixed, fixed+kms.MaxDataKey+kms.Overhead)
	if err := readAll(src, head); err != nil {
		return nil, nil, err
	}
	size := int(binary.BigEndian.Uint16(head[len(magic):]))
	if string(head[:len(magic)]) != magic || fixed+size > cap(head) {
		return nil, nil, errDamaged
	}
	head = head[:fixed+size]
	return head, head[fixed:], readAll(src, head[fixed:])
}

// readAll fills b.
func readAll(src io.Reader, b []byte) error {
	_, err := io.ReadFull(src, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errDamaged
	}
	return err
}

// seal encrypts src to dst under a data key that is used for nothing else.
func seal(dst io.Writer, src io.Reader, dataKey, encryptedKey []byte) error {
	head := newHeader(encryptedKey)
	c, err := newChunks(dataKey, head)
	if err != nil {
		return err
	}
	if _, err := dst.Write(head); err != nil {
		return err
	}
	buf := make([]byte, 0, chunkSize+overhead)
	return each(src, chunkSize, func(chunk []byte, last bool) error {
		aad, err := c.next(last)
		if err != nil {
			return err
		}
		_, err = dst.Write(c.aead.Seal(buf, nil, chunk, aad))
		return err
	})
}

// open decrypts to dst what seal wrote behind the header. What it writes is
// authentic, but if it returns an error there is more to the file than that:
// dst must then be thrown away.
func open(dst io.Writer, src io.Reader, dataKey, head []byte) error {
	c, err := newChunks(dataKey, head)
	if err != nil {
		return err
	}
	buf := make([]byte, 0, chunkSize)
	return each(src, chunkSize+overhead, func(chunk []byte, last bool) error {
		aad, err := c.next(last)
		if err != nil {
			return err
		}
		plaintext, err := c.aead.Open(buf, nil, chunk, aad)
		if err != nil {
			return errDamaged
		}
		_, err = dst.Write(plaintext)
		return err
	})
}

// chunks numbers the chunks of a file.
type chunks struct {
	aead  cipher.AEAD // draws its nonces and puts them before the ciphertext
	head  []byte
	count uint64
}

func newChunks(dataKey, head []byte) (*chunks, error) {
	block, err := aes.NewCipher(dataKey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &chunks{aead: aead, head: head}, nil
}

// next returns the additional data of the next chunk.
func (c *chunks) next(last bool) ([]byte, error) {
	if c.count == 1<<32 {
		return nil, errors.New("file is larger than 256 TiB")
	}
	aad := append([]byte(nil), c.head...)
	aad = binary.BigEndian.AppendUint32(aad, uint32(c.count))
	c.count++
	if last {
		return append(aad, 1), nil
	}
	return append(aad, 0), nil
}

// each calls f with each chunk of size bytes of src, and with the last, which
// is shorter unless it fits. There is one at least.
func each(src io.Reader, size int, f func(chunk []byte, last bool) error) error {
	in := bufio.NewReader(src)
	buf := make([]byte, size)
	for {
		n, err := io.ReadFull(in, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		_, err = in.Peek(1)
		if err != nil && err != io.EOF {
			return err
		}
		last := err == io.EOF
		if err := f(buf[:n], last); err != nil || last {
			return err
		}
	}
}
