package silverfin

import (
	"net/http"
	"slices"
)

// Document is a permanent document of a company, in the root folder.
type Document struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Content []byte `json:"content"`
}

// documentRoutes are the calls about permanent documents.
func (s *Silverfin) documentRoutes() []route {
	return []route{
		{"GET /companies/{company}/permanent_folders/{folder}", all("permanent_documents:read"), s.listDocuments},
		{"POST /companies/{company}/permanent_documents", all("permanent_documents:write"), s.addDocument},
	}
}

func (s *Silverfin) listDocuments(c *call) response {
	company := s.company(c)
	if company == nil || c.id("folder") != 0 {
		return notFound("Folder")
	}
	out := []map[string]any{}
	for _, d := range company.Documents {
		out = append(out, map[string]any{"id": d.ID, "name": d.Name, "type": "document"})
	}
	return response{http.StatusOK, pageOf(c.r, out)}
}

func (s *Silverfin) addDocument(c *call) response {
	company := s.company(c)
	switch {
	case company == nil:
		return notFound("Company")
	case c.body.text("parent_id") != "0":
		return errorsResponse("parent_id must exist")
	case c.body.text("name") == "" || len(c.file) == 0:
		return errorsResponse("name and content can't be blank")
	}
	d := Document{ID: s.newID("document"), Name: c.body.text("name"), Content: c.file}
	company.Documents = append(company.Documents, d)
	return response{http.StatusCreated, map[string]any{"id": d.ID, "path": []string{}, "name": d.Name, "type": "document"}}
}

// Documents lists the permanent documents of a company, oldest first.
func (s *Silverfin) Documents(companyID int64) []Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.state.Companies[companyID]; c != nil {
		return slices.Clone(c.Documents)
	}
	return nil
}
