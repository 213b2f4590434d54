# The commands that put the service into an account. The Makefile includes this.

STAGE ?= dev
export STAGE

.PHONY: plan deploy destroy rollback

plan: $(READY) ## Show what a deployment of STAGE would change, and change nothing
	@$(PY) -m deploy.release plan --stage "$(STAGE)"

deploy: $(READY) ## Deploy STAGE: resources, code, gateway, and the shift to the new version
	@$(PY) -m deploy.release deploy --stage "$(STAGE)"

rollback: $(READY) ## Point STAGE back to the version before
	@$(PY) -m deploy.release rollback --stage "$(STAGE)"

destroy: $(READY) ## Remove STAGE from its account; production asks for its name
	@$(PY) -m deploy.release destroy --stage "$(STAGE)"

.PHONY: cost
cost: $(READY) ## Print what a month costs (USERS=1000 REQUESTS=120 DOCUMENTS=3 for another month)
	@$(PY) -m deploy.cost $(foreach one,$(USERS),--users $(one)) $(if $(REQUESTS),--requests $(REQUESTS)) \
		$(if $(DOCUMENTS),--documents $(DOCUMENTS))

.PHONY: deploy-local

deploy-local: setup ## Deploy the package into an emulated cloud that enforces permissions, and use it; ONCE=1 ends then
	@$(PY) -m deploy.emulated $(if $(ONCE),--once)
