package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of the forms that are kept for people whose session ended: how long, how many, and
// how large one may be, in bytes.
const (
	keptFormTime = time.Hour
	maxKeptForms = 32
	maxKeptForm  = 1 << 20
)

// ownerCookie says whose browser it is after the session has ended, so that a form is kept
// for the same account alone.
const ownerCookie = "balansd-owner"

// ownerTime is how long a browser says so.
const ownerTime = 7 * 24 * time.Hour

// keptForms are forms that were sent after a session had ended. Each is sealed with a key
// that only its address has, and is gone with the process. It is safe for concurrent use.
type keptForms struct {
	secret []byte // of the cookies of owners

	mu   sync.Mutex
	list []sealedForm // oldest first
}

func newKeptForms() *keptForms {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	return &keptForms{secret: secret}
}

// sealedForm is a keptForm under the key of its id.
type sealedForm struct {
	index string // a hash of the id
	at    time.Time
	data  []byte
}

// keptForm is a form as a person filled it in, without secrets.
type keptForm struct {
	Path   string     `json:"path"` // that it was sent to
	Page   string     `json:"page"` // that it is on; empty when the browser did not say
	Values url.Values `json:"values"`
	Files  bool       `json:"files"` // it had documents, which are not kept
}

// ownerToken returns the value of the cookie for a person.
func (k *keptForms) ownerToken(key string) string {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(key))
	return hex.EncodeToString([]byte(key)) + "." + hex.EncodeToString(mac.Sum(nil))
}

// owner returns the key of the person of a cookie; false for a cookie that is none of this
// process.
func (k *keptForms) owner(token string) (string, bool) {
	text, _, _ := strings.Cut(token, ".")
	key, err := hex.DecodeString(text)
	if err != nil || len(key) == 0 || !hmac.Equal([]byte(token), []byte(k.ownerToken(string(key)))) {
		return "", false
	}
	return string(key), true
}

// sealer returns the cipher of an id.
func sealer(id string) cipher.AEAD {
	key := sha256.Sum256([]byte("key " + id))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the length is right
	}
	sealed, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return sealed
}

func formIndex(id string) string {
	sum := sha256.Sum256([]byte("index " + id))
	return hex.EncodeToString(sum[:])
}

// add keeps a form for its owner, and returns the id of it.
func (k *keptForms) add(f keptForm, owner string, now time.Time) string {
	text, _ := json.Marshal(f) // texts
	id := rand.Text()
	// Each key seals one form, so that the nonce may be the same.
	data := sealer(id).Seal(nil, make([]byte, 12), text, []byte(owner))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = slices.DeleteFunc(append(k.list, sealedForm{formIndex(id), now, data}), func(s sealedForm) bool { return now.Sub(s.at) > keptFormTime })
	k.list = k.list[max(0, len(k.list)-maxKeptForms):]
	return id
}

// find returns a form of its owner; false where there is none.
func (k *keptForms) find(id, owner string, now time.Time) (f keptForm, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.list, func(s sealedForm) bool { return s.index == formIndex(id) && now.Sub(s.at) <= keptFormTime })
	if i < 0 {
		return f, false
	}
	text, err := sealer(id).Open(nil, make([]byte, 12), k.list[i].data, []byte(owner))
	return f, err == nil && json.Unmarshal(text, &f) == nil
}

// isSecretField reports whether a field is never kept: passwords, keys, codes of sign-ins.
func isSecretField(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"password", "secret", "key", "token", "passphrase"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return slices.Contains([]string{"again", "old", "code", "state"}, name)
}

// keepForm keeps the form of a request without a session, and returns the address of the
// page that shows it again; empty where that is not known to be the person's own browser.
func (rq *request) keepForm() string {
	c, err := rq.r.Cookie(rq.cookieName(ownerCookie))
	if err != nil || rq.r.Method != http.MethodPost || rq.route.access != staff && rq.route.access != admin {
		return ""
	}
	owner, ok := rq.forms.owner(c.Value)
	if !ok {
		return ""
	}
	f := keptForm{Path: rq.r.URL.RequestURI(), Page: rq.refererPath(), Values: url.Values{}}
	if strings.HasPrefix(rq.r.Header.Get("Content-Type"), "multipart/") {
		f.Files = true
	} else {
		rq.r.Body = http.MaxBytesReader(rq.w, rq.r.Body, maxKeptForm)
		if rq.r.ParseForm() != nil {
			return ""
		}
		for name, values := range rq.r.PostForm {
			if !isSecretField(name) {
				f.Values[name] = values
			}
		}
	}
	return "/resume/" + rq.forms.add(f, owner, rq.Now())
}

// refererPath returns the page of ours from which the request comes; empty when unknown.
func (rq *request) refererPath() string {
	u, err := url.Parse(rq.r.Header.Get("Referer"))
	if err != nil || u.Host != rq.r.Host {
		return ""
	}
	path := strings.TrimPrefix(u.Path, rq.base)
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return localPath(path)
}
