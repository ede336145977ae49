// Package goproofs verifies Kimberlite's proofs with golang.org/x/mod/sumdb, which was written by others and knows
// nothing of Kimberlite: notes with package note, the tree with package tlog. KMB_PROOFS names the folder that
// make_proofs filled; KMB_MAKE_PROOFS the program itself, for the way back.
package goproofs

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func folder(t *testing.T) string {
	f := os.Getenv("KMB_PROOFS")
	if f == "" {
		t.Fatal("KMB_PROOFS is not set")
	}
	return f
}

func read(t *testing.T, name string) string {
	b, err := os.ReadFile(filepath.Join(folder(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func verifiers(t *testing.T) note.Verifiers {
	v, err := note.NewVerifier(read(t, "verifier.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return note.VerifierList(v)
}

func parseHash(text string) (tlog.Hash, error) {
	var h tlog.Hash
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && len(b) != len(h) {
		err = fmt.Errorf("hash of %d bytes", len(b))
	}
	copy(h[:], b)
	return h, err
}

// openCheckpoint opens a signed note and parses the checkpoint in it.
func openCheckpoint(text string, known note.Verifiers) (origin string, tree tlog.Tree, err error) {
	n, err := note.Open([]byte(text), known)
	if err != nil {
		return "", tlog.Tree{}, err
	}
	// Package note forgives bits that base64 padding leaves over; Kimberlite does not.
	for _, sig := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return "", tlog.Tree{}, err
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 {
		return "", tlog.Tree{}, fmt.Errorf("checkpoint of %d lines", len(lines))
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", tlog.Tree{}, err
	}
	tree.Hash, err = parseHash(lines[2])
	return lines[0], tree, err
}

// proof is a parsed proof file.
type proof struct {
	values map[string]string
	path   []tlog.Hash
	notes  map[string]string
}

func parseProof(text string) (*proof, error) {
	p := &proof{values: map[string]string{}, notes: map[string]string{}}
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines) && lines[i] != ""; i++ {
		name, value, ok := strings.Cut(strings.TrimSuffix(lines[i], "\n"), " ")
		if !ok {
			return nil, fmt.Errorf("line %d has no value", i+1)
		}
		switch name {
		case "path":
			h, err := parseHash(value)
			if err != nil {
				return nil, err
			}
			p.path = append(p.path, h)
		case "checkpoint", "old-checkpoint":
			n, err := strconv.Atoi(value)
			last := len(lines) - 1 // after it, the empty text behind the last newline
			if err != nil || n < 0 || i+1+n > last || (name == "checkpoint") != (i+1+n == last) {
				return nil, fmt.Errorf("checkpoint of %s lines", value)
			}
			p.notes[name] = strings.Join(lines[i+1:i+1+n], "")
			i += n
		default:
			p.values[name] = value
		}
	}
	return p, nil
}

// verify says whether a proof file holds, by Go's means alone.
func verify(text string, known note.Verifiers) error {
	p, err := parseProof(text)
	if err != nil {
		return err
	}
	origin, tree, err := openCheckpoint(p.notes["checkpoint"], known)
	if err != nil {
		return err
	}
	if origin != p.values["origin"] {
		return fmt.Errorf("origin %q", origin)
	}
	switch p.values["kind"] {
	case "inclusion":
		header, err := hex.DecodeString(p.values["entry"])
		if err != nil {
			return err
		}
		index, err := strconv.ParseInt(p.values["index"], 10, 64)
		if err != nil {
			return err
		}
		if index < 0 || index >= tree.N {
			return fmt.Errorf("index %d of %d", index, tree.N)
		}
		return tlog.CheckRecord(p.path, tree.N, tree.Hash, index, tlog.RecordHash(header))
	case "consistency":
		oldOrigin, old, err := openCheckpoint(p.notes["old-checkpoint"], known)
		if err != nil {
			return err
		}
		if oldOrigin != origin || old.N < 1 || old.N > tree.N {
			return fmt.Errorf("old tree of %d in %q", old.N, oldOrigin)
		}
		return tlog.CheckTree(p.path, tree.N, tree.Hash, old.N, old.Hash)
	}
	return fmt.Errorf("kind %q", p.values["kind"])
}

func proofFiles(t *testing.T) []string {
	var files []string
	for _, pattern := range []string{"inclusion-*.txt", "consistency-*.txt"} {
		found, err := filepath.Glob(filepath.Join(folder(t), pattern))
		if err != nil || len(found) < 300 {
			t.Fatalf("%d files %s (%v)", len(found), pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func TestRoots(t *testing.T) {
	known := verifiers(t)
	leaves := strings.Fields(read(t, "leaves.txt"))
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for n := 0; n <= len(leaves); n++ {
		root, err := tlog.TreeHash(int64(n), reader)
		if err != nil {
			t.Fatal(err)
		}
		_, tree, err := openCheckpoint(read(t, fmt.Sprintf("checkpoint-%d.txt", n)), known)
		if err != nil {
			t.Fatalf("checkpoint %d: %v", n, err)
		}
		if tree.N != int64(n) || (n > 0 && tree.Hash != root) {
			t.Fatalf("checkpoint %d: tree %v, Go computes %v", n, tree, root)
		}
		if n < len(leaves) {
			header, err := hex.DecodeString(leaves[n])
			if err != nil {
				t.Fatal(err)
			}
			hashes, err := tlog.StoredHashes(int64(n), header, reader)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, hashes...)
		}
	}
}

func TestProofs(t *testing.T) {
	known := verifiers(t)
	files := proofFiles(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(string(text), known); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	t.Logf("%d proofs verified by golang.org/x/mod", len(files))
}

// TestFlips changes bits where the proof's substance is: entry, path, checkpoint body and signature.
func TestFlips(t *testing.T) {
	known := verifiers(t)
	flips := 0
	for i, file := range proofFiles(t) {
		if i%40 != 0 {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		start := bytes.Index(text, []byte("\nentry "))
		if start < 0 {
			start = bytes.Index(text, []byte("\npath "))
		}
		if start < 0 {
			start = bytes.Index(text, []byte("\ncheckpoint "))
		}
		for at := start; at < len(text); at++ {
			bit := byte(1) << (at % 5)
			text[at] ^= bit
			if verify(string(text), known) == nil {
				t.Errorf("%s: verifies with byte %d changed", filepath.Base(file), at)
			}
			text[at] ^= bit
			flips++
		}
	}
	t.Logf("%d changed files refused", flips)
}

// TestBack signs in Go and opens with Kimberlite.
func TestBack(t *testing.T) {
	program := os.Getenv("KMB_MAKE_PROOFS")
	for _, name := range []string{"example.org/log", "0123/tenant/4", "ütf-8/名前"} {
		skey, vkey, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		root := tlog.RecordHash([]byte(name))
		text := fmt.Sprintf("%s\n42\n%s\nextension of someone\n", name, base64.StdEncoding.EncodeToString(root[:]))
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "note.txt")
		if err := os.WriteFile(file, signed, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "open", file, vkey).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if want := fmt.Sprintf("42 %s\n", base64.StdEncoding.EncodeToString(root[:])); string(out) != want {
			t.Errorf("got %q, want %q", out, want)
		}
		_, other, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := exec.Command(program, "open", file, other).Run(); err == nil {
			t.Errorf("opens under another key")
		}
	}
}
