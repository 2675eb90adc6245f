package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"balansd/daemon"
	"balansd/mapping"
)

// learntView is what was learnt, with a request for each candidate that saves it.
type learntView struct {
	daemon.LearntMapping
	Choices []candidateView
}

type candidateView struct {
	mapping.Candidate
	Firm    int64
	Save    string // a daemon.MappingChange as JSON
	Doubted []mapping.LearntRubric
}

// learnMapping proposes mappings from the dossiers that the form names.
func learnMapping(rq *request) error {
	r := daemon.LearnRequest{FirmID: rq.firmID()}
	for _, ref := range rq.r.PostForm["dossier"] {
		if ref = strings.TrimSpace(ref); ref != "" {
			r.Dossiers = append(r.Dossiers, ref)
		}
	}
	return rq.runTask(func(ctx context.Context) func(*request) error {
		learnt, err := rq.API.LearnMapping(ctx, r)
		return func(rq *request) error {
			if err != nil {
				return rq.showMappingProblem(err)
			}
			v := &learntView{LearntMapping: learnt}
			for i, c := range learnt.Candidates {
				save, err := json.Marshal(learnt.Change(i, ""))
				if err != nil {
					return err
				}
				one := candidateView{Candidate: c, Firm: learnt.FirmID, Save: string(save)}
				one.Doubted = slices.DeleteFunc(slices.Clone(c.Rubrics), func(r mapping.LearntRubric) bool {
					return r.Confidence == mapping.Certain || r.Property == "" && r.Confidence != mapping.Ambiguous
				})
				v.Choices = append(v.Choices, one)
			}
			return rq.showMapping(http.StatusOK, mappingData{Learnt: v})
		}
	})
}

// useMapping saves a mapping that was learnt for the firm.
func useMapping(rq *request) error {
	var change daemon.MappingChange
	if err := json.Unmarshal([]byte(rq.r.PostForm.Get("save")), &change); err != nil {
		return rq.redirect("/mapping")
	}
	change.FirmID, change.By = rq.firmID(), rq.person.Name
	return rq.setMapping(change, "mapping.saved")
}
