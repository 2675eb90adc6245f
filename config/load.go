package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/sagikazarmark/locafero"
	"github.com/spf13/viper"

	"balansd/internal/typo"
	"balansd/problem"
)

const (
	prefix       = "BALANSD_"
	fileVariable = prefix + "CONFIG" // names the configuration file
	testPrefix   = prefix + "TEST_"  // left to the project's own tests
	fileName     = "balansd.yaml"
	maxFile      = 1 << 20 // bytes; a configuration is some hundred lines
)

// LoadOptions are the sources of the settings.
type LoadOptions struct {
	Path    string   // the file, as the command line names it; empty to search for it
	Environ []string // in the form of os.Environ
	Search  []string // folders to search; nil for SearchPath
	// Also, if not nil, finds mistakes that only other packages can find, such as
	// a key that does not fit its certificate. They are reported together with
	// those of Load, so the settings that it is called with may be invalid.
	Also func(c *Config) []Mistake
}

// SearchPath lists the folders that are searched for balansd.yaml, in order: the
// working directory, then the system's folder. If the system's folder has one, it
// is the only folder: else an administrator could be made to use a file that
// somebody else put into the working directory.
func SearchPath(environ []string) []string {
	return searchPath(filepath.Dir(DefaultFile(environ)))
}

func searchPath(system string) []string {
	if _, err := os.Lstat(filepath.Join(system, fileName)); !errors.Is(err, fs.ErrNotExist) {
		return []string{system} // also if it cannot be read
	}
	return []string{".", system}
}

// DefaultFile returns the path of the configuration file in the system's folder.
func DefaultFile(environ []string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(defaults("windows", getenv(environ, "ProgramData")).DataDir, fileName)
	}
	return filepath.Join("/etc/balansd", fileName)
}

// Load reads the settings. The file is that of Path, else of the variable
// BALANSD_CONFIG, else the first balansd.yaml on the search path; without a file,
// only defaults and environment are used. A variable BALANSD_ plus the key in
// capitals, such as BALANSD_FINBOX_CLIENT_ID, overrides a single setting; an empty
// one counts as not set.
//
// The error is a ConfigInvalid problem that wraps a *Mistakes with all mistakes. The
// Config beside it, if any, has the settings that could be read: enough to find a daemon
// that runs, and for nothing else.
func Load(o LoadOptions) (*Config, error) {
	file, err := findFile(o)
	if err != nil {
		return nil, err
	}
	c := defaults(runtime.GOOS, getenv(o.Environ, "ProgramData"))
	c.StateFile, c.KeyFile, c.Backup.Folder, c.Socket = "", "", "", "" // they follow data_dir
	if runtime.GOOS == "windows" {
		c.Socket = usualPipe
	}
	r := &reader{file: file, origins: map[string]Origin{}}
	var text []byte
	if file != "" {
		if text, err = readBounded(file, maxFile); err != nil {
			right := "check its name and who may read it"
			if errors.Is(err, fs.ErrNotExist) {
				right = "check its name, or write one: balansd config init " + file
			}
			return nil, asProblem([]Mistake{{File: file, What: "the file cannot be read: " + pathErrorText(err), Right: right}}, file)
		}
	}
	r.read(c, text, o.Environ)
	c.file, c.origins = absolute(file), r.origins
	c.resolvePaths(file)
	c.useHandedOver(getenv(o.Environ, "CREDENTIALS_DIRECTORY"), getenv(o.Environ, "RUNTIME_DIRECTORY"))
	c.derive()
	r.readSecrets(c)
	r.check(c)
	if o.Also != nil {
		for _, m := range o.Also(c) {
			r.add(m)
		}
	}
	return c, asProblem(r.mistakes, file)
}

// absolute returns the absolute path of a file, "" for "".
func absolute(file string) string {
	if full, err := filepath.Abs(file); file != "" && err == nil {
		return full
	}
	return file
}

// MistakeAt returns a mistake at the place where key, such as "folders[0].path", or
// else the section around it was set.
func (c *Config) MistakeAt(key, what, right string) Mistake {
	return (&reader{file: c.file, origins: c.origins}).mistake(key, what, right)
}

// findFile returns the path of the configuration file, "" if there is none.
func findFile(o LoadOptions) (string, error) {
	if file := o.Path; file != "" {
		return file, nil
	}
	if file := getenv(o.Environ, fileVariable); file != "" {
		return file, nil
	}
	search := o.Search
	if search == nil {
		search = SearchPath(o.Environ)
	}
	v := viper.NewWithOptions(viper.WithFinder(locafero.Finder{
		Paths: search, Names: []string{fileName}, Type: locafero.FileTypeFile,
	}))
	// Errors in the content are found later; only the path matters here.
	err := v.ReadInConfig()
	if _, none := errors.AsType[viper.ConfigFileNotFoundError](err); none {
		return "", nil
	}
	if v.ConfigFileUsed() == "" && err != nil {
		next := "Name it with --config."
		if errors.Is(err, fs.ErrPermission) {
			next = "Call this as an administrator, with sudo, or as the account of the service; or name another file with --config."
		}
		return "", problem.Wrap(err, problem.ConfigInvalid, "the configuration file cannot be looked for", next)
	}
	return v.ConfigFileUsed(), nil
}

// readEnvironment returns the values of the variables that override single
// settings, by key.
func (r *reader) readEnvironment(environ []string) map[string]string {
	known := map[string]string{}
	var names []string
	eachScalar(reflect.ValueOf(&Config{}).Elem(), "", func(key string, _ reflect.Value) {
		known[variable(key)] = key
		names = append(names, strings.TrimPrefix(variable(key), prefix))
	})
	slices.Sort(names)
	set := map[string]string{}
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, testPrefix) || name == fileVariable || text == "" {
			continue
		}
		key, ok := known[name]
		if !ok {
			right := "set it in the file; variables exist for single settings only, as BALANSD_FINBOX_CLIENT_ID"
			if best := typo.Nearest(strings.TrimPrefix(name, prefix), names); best != "" {
				right = "did you mean " + prefix + best + "?"
			}
			r.mistakes = append(r.mistakes, Mistake{Key: name, What: "no setting has this variable", Right: right})
			continue
		}
		r.origins[key], set[key] = Origin{Variable: name}, text
	}
	return set
}

// paths returns the settings that are paths in the file system, by key.
func (c *Config) paths() map[string]*string {
	p := map[string]*string{
		"data_dir": &c.DataDir, "state_file": &c.StateFile, "backup.folder": &c.Backup.Folder, "log.file": &c.Log.File,
		"finbox.certificate_file": &c.Finbox.CertificateFile, "network.ca_file": &c.Network.CAFile,
		"network.client_certificate_file": &c.Network.ClientCertificateFile, "portal.certificate_file": &c.Portal.CertificateFile,
		"documents.cbso_table": &c.Documents.CBSOTable,
	}
	maps.Copy(p, c.secretFiles())
	if runtime.GOOS != "windows" {
		p["socket"] = &c.Socket
	}
	p["administration.kbo.folder"] = &c.Administration.KBO.Folder
	for i := range c.Administration.Lists {
		p[fmt.Sprintf("administration.lists[%d].file", i)] = &c.Administration.Lists[i].File
	}
	for i := range c.Folders {
		p[fmt.Sprintf("folders[%d].path", i)] = &c.Folders[i].Path
	}
	return p
}

// resolvePaths makes paths absolute. They are relative to the folder of the
// configuration file and not to the working directory, which is another one for a
// service than for a person.
func (c *Config) resolvePaths(file string) {
	base, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return
	}
	for _, p := range c.paths() {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}

// Trusted returns the files that decide where secrets are sent, by the setting that
// names them: secrets, trusted certificates, and with the key "" the configuration
// file itself.
func (c *Config) Trusted() map[string]string {
	files := map[string]string{"": c.file, "network.ca_file": c.Network.CAFile}
	for key, path := range c.secretFiles() {
		files[key] = *path
	}
	delete(files, "key_file") // it opens what is kept, and sends nothing
	maps.DeleteFunc(files, func(_, path string) bool { return path == "" })
	return files
}

// SecretsFolder is the folder beside the configuration file whose files systemd
// passes to the service as credentials, so that the account of the service needs no
// permission to read them.
const SecretsFolder = "secrets"

// useHandedOver replaces the paths of secret files that the service got copies of. With
// LoadCredential=secrets:FOLDER, systemd hands over the file FOLDER/NAME at the start, as
// credentials/secrets_NAME (systemd.exec(5)); a reload does so as runtime/secrets/NAME,
// which counts then. Other paths are not changed.
func (c *Config) useHandedOver(credentials, runtime string) {
	if credentials == "" || c.file == "" {
		return
	}
	from := filepath.Join(filepath.Dir(c.file), SecretsFolder)
	c.original = map[string]string{}
	for key, p := range c.secretFiles() {
		name := filepath.Base(*p)
		if filepath.Dir(*p) != from {
			continue
		}
		for _, given := range []string{filepath.Join(runtime, SecretsFolder, name), filepath.Join(credentials, SecretsFolder+"_"+name)} {
			if _, err := os.Stat(given); err == nil && filepath.IsAbs(given) {
				c.original[key], *p = *p, given
				break
			}
		}
	}
}

// getenv returns the value of a variable, whose name has no case on Windows.
func getenv(environ []string, name string) string {
	for _, pair := range environ {
		n, text, _ := strings.Cut(pair, "=")
		if n == name || runtime.GOOS == "windows" && strings.EqualFold(n, name) {
			return text
		}
	}
	return ""
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it is larger than %s", Size(limit))
	}
	return text, err
}

// pathErrorText returns the text of err without the path of the file.
func pathErrorText(err error) string {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		err = pe.Err
	}
	return err.Error()
}
