// Checks our log, and writes one for us to check, with Go's own packages for the checksum database (sumdb/note, sumdb/tlog).
//
//	register check DIR VKEY           the whole log: signature, every entry, every hash tile, the root
//	register record DIR VKEY          reads "index hash,hash,..." lines from standard input: inclusion proofs of ours
//	register tree DIR VKEY            reads "old root hash,hash,..." lines: consistency proofs of ours
//	register write DIR SKEY           writes a log of the entries on standard input, one a line
//
// Build: GO111MODULE=off GOPATH=/usr/share/gocode go build register.go
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = m[at]
	}
	return out, nil
}

func (m *memory) add(n int64, entry []byte) {
	hashes, err := tlog.StoredHashes(n, entry, *m)
	must(err)
	*m = append(*m, hashes...)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// path turns a path of the checksum database into one of C2SP tlog-tiles.
func path(dir string, tile tlog.Tile) string {
	p := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	return filepath.Join(dir, strings.Replace(p, "tile/8/", "tile/", 1))
}

func open(dir, vkey string) tlog.Tree {
	raw, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err)
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open(raw, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return tlog.Tree{N: size, Hash: hash(lines[2])}
}

func hash(text string) tlog.Hash {
	h, err := tlog.ParseHash(text)
	must(err)
	return h
}

func hashes(text string) []tlog.Hash {
	var out []tlog.Hash
	for _, part := range strings.Split(text, ",") {
		if part != "" {
			out = append(out, hash(part))
		}
	}
	return out
}

// tiles names the tiles of a log; of the partial ones, which NewTiles gives in every width, only the widest.
func tiles(size int64) []tlog.Tile {
	var out []tlog.Tile
	for _, tile := range tlog.NewTiles(8, 0, size) {
		if n := len(out); n > 0 && out[n-1].L == tile.L && out[n-1].N == tile.N {
			out[n-1] = tile
		} else {
			out = append(out, tile)
		}
	}
	return out
}

func entries(dir string, size int64) [][]byte {
	var out [][]byte
	for _, tile := range tiles(size) {
		if tile.L != 0 {
			continue
		}
		tile.L = -1
		data, err := os.ReadFile(path(dir, tile))
		must(err)
		for i := 0; i < tile.W; i++ {
			n := int(binary.BigEndian.Uint16(data))
			out = append(out, data[2:2+n])
			data = data[2+n:]
		}
		if len(data) != 0 {
			log.Fatalf("%v: %d bytes too many", tile, len(data))
		}
	}
	return out
}

func check(dir, vkey string) {
	tree := open(dir, vkey)
	var m memory
	all := entries(dir, tree.N)
	for i, entry := range all {
		m.add(int64(i), entry)
	}
	root, err := tlog.TreeHash(tree.N, m)
	must(err)
	if root != tree.Hash {
		log.Fatalf("root is %v, signed is %v", root, tree.Hash)
	}
	for _, tile := range tiles(tree.N) {
		want, err := tlog.ReadTileData(tile, m)
		must(err)
		got, err := os.ReadFile(path(dir, tile))
		must(err)
		if string(got) != string(want) {
			log.Fatalf("%v differs", tile)
		}
	}
	for _, at := range []int64{0, tree.N / 2, tree.N - 1} {
		proof, err := tlog.ProveRecord(tree.N, at, m)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, at, tlog.RecordHash(all[at])))
	}
	fmt.Printf("%d entries\n", tree.N)
}

func each(do func(words []string)) {
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(nil, 1<<20)
	count := 0
	for scanner.Scan() {
		do(strings.Split(scanner.Text(), " "))
		count++
	}
	must(scanner.Err())
	fmt.Printf("%d proofs\n", count)
}

func write(dir, skey string) {
	var m memory
	var all [][]byte
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		entry := append([]byte{}, scanner.Bytes()...)
		m.add(int64(len(all)), entry)
		all = append(all, entry)
	}
	must(scanner.Err())
	size := int64(len(all))
	put := func(tile tlog.Tile, data []byte) {
		must(os.MkdirAll(filepath.Dir(path(dir, tile)), 0o755))
		must(os.WriteFile(path(dir, tile), data, 0o644))
	}
	for _, tile := range tiles(size) {
		data, err := tlog.ReadTileData(tile, m)
		must(err)
		put(tile, data)
		if tile.L == 0 {
			var bundle []byte
			for _, entry := range all[tile.N*256 : tile.N*256+int64(tile.W)] {
				bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
			}
			tile.L = -1
			put(tile, bundle)
		}
	}
	root, err := tlog.TreeHash(size, m)
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	must(os.WriteFile(filepath.Join(dir, "checkpoint"), signed, 0o644))
	fmt.Printf("%d entries\n", size)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: register check|record|tree|write DIR KEY")
	}
	dir, key := os.Args[2], os.Args[3]
	switch os.Args[1] {
	case "check":
		check(dir, key)
	case "record":
		tree := open(dir, key)
		all := entries(dir, tree.N)
		each(func(words []string) {
			at, err := strconv.ParseInt(words[0], 10, 64)
			must(err)
			must(tlog.CheckRecord(hashes(words[1]), tree.N, tree.Hash, at, tlog.RecordHash(all[at])))
		})
	case "tree":
		tree := open(dir, key)
		each(func(words []string) {
			old, err := strconv.ParseInt(words[0], 10, 64)
			must(err)
			must(tlog.CheckTree(hashes(words[2]), tree.N, tree.Hash, old, hash(words[1])))
		})
	case "write":
		write(dir, key)
	}
}
