package silverfin

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"

	"balansd/problem"
)

// documentScopes are what is asked for at the sign-in when documents are stored: to write
// them, and to see which are there.
func documentScopes() []string {
	return []string{"permanent_documents:read", "permanent_documents:write"}
}

// StoreDocument stores a document in the root folder of a company's permanent documents,
// unless one of that name is there, and returns its id. It is posted once a call: after an
// error it may have been stored, and the next call finds it by its name.
func (f *Firm) StoreDocument(ctx context.Context, company int64, name string, content []byte) (int64, error) {
	leave, err := f.enter(ctx, company)
	if err != nil {
		return 0, err
	}
	defer leave()
	for renewed := false; ; renewed = true {
		if id, err := f.findDocument(ctx, company, name); err != nil || id != 0 {
			return id, err
		}
		token, err := f.tokens.access(ctx, "")
		if err != nil {
			return 0, err
		}
		if err := f.pace(ctx); err != nil {
			return 0, err
		}
		c, payload, err := documentCall(company, name, content)
		if err != nil {
			return 0, err
		}
		ans, err := f.send(ctx, c, payload, token)
		if err != nil {
			return 0, err
		}
		if ans.status == http.StatusUnauthorized {
			if renewed {
				return 0, f.tokens.refuse(ctx, token)
			}
			if _, err := f.tokens.access(ctx, token); err != nil {
				return 0, err
			}
			continue
		}
		body, err := f.bodyOrError(c, ans, token)
		if err != nil {
			return 0, err
		}
		if id, ok := readRecord(body).id(); ok {
			return id, nil
		}
		return f.findDocument(ctx, company, name) // 0 where it is not there after all
	}
}

// findDocument returns the id of the document of that name in the root folder, 0 where
// there is none. The caller holds the lock of the company.
func (f *Firm) findDocument(ctx context.Context, company int64, name string) (int64, error) {
	c := call{path: fmt.Sprintf("/companies/%d/permanent_folders/0", company), doing: "listing the permanent documents",
		scope: "permanent_documents:read", company: company}
	get := func(ctx context.Context, c call) ([]byte, error) {
		body, _, err := f.get(ctx, c)
		return body, err
	}
	pages, err := f.list(ctx, get, c, nil)
	if err != nil {
		return 0, err
	}
	for _, items := range pages {
		for _, item := range items {
			r := readRecord(item)
			if id, ok := r.id(); ok && r.words("name") == name {
				return id, nil
			}
		}
	}
	return 0, nil
}

// documentCall returns the call that stores a document, and its body.
func documentCall(company int64, name string, content []byte) (call, []byte, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := form.WriteField("parent_id", "0")
	if err == nil {
		err = form.WriteField("name", name)
	}
	if err == nil {
		part, partErr := form.CreateFormFile("content", name)
		if err = partErr; err == nil {
			_, err = part.Write(content)
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return call{}, nil, problem.New(problem.Unexpected, "a request to Silverfin could not be written down", "")
	}
	return call{method: http.MethodPost, path: fmt.Sprintf("/companies/%d/permanent_documents", company), contentType: form.FormDataContentType(),
		doing: "storing a document", scope: "permanent_documents:write", company: company}, body.Bytes(), nil
}
