package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"time"
)

// writeTarGz packs a tree below the folder top. All files have the same time
// and belong to root.
func writeTarGz(w *os.File, top string, files []entry, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: top + "/" + f.name, Size: int64(len(f.data)), Mode: int64(f.mode),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if f.link != "" {
			h.Typeflag, h.Linkname, h.Size, h.Mode = tar.TypeSymlink, f.link, 0, 0o777
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// writeZip is writeTarGz for Windows. There are no links in its trees.
func writeZip(w *os.File, top string, files []entry, at time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		if f.link != "" {
			return errors.New(f.name + ": a zip archive gets no links")
		}
		h := &zip.FileHeader{Name: top + "/" + f.name, Method: zip.Deflate, Modified: at}
		h.SetMode(f.mode)
		one, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := io.Writer(one).Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}
