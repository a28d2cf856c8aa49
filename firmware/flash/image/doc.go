// Package image reads the files that a BL602's flash is made of: boot headers
// with their image or segments (header.go, image.go), partition tables
// (partition.go), the SDK's flash_prog_cfg.ini (config.go), the vendor's
// eflash_loader (loader.go) and ELF executables (elf.go). Inspect shows any of
// them field by field and says which checksum is wrong.
//
// All numbers are little-endian and every CRC is CRC-32 as in zlib. A parser
// returns what it could read beside its error, so that a damaged file can
// still be shown.
package image
