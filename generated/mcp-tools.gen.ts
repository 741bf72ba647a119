// Generated from openapi.yaml by npm run generate.

import type { Tool } from '@modelcontextprotocol/server';
import type { Right } from './types.gen.ts';

/** An MCP tool, and the HTTP request that a call of the tool makes. */
export interface McpTool {
  operationId: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** The right that an API key needs to call the tool. */
  right: Right;
  /** Arguments that are query parameters. */
  query: string[];
  /** Arguments that are headers, with their header names. All other arguments are fields of the body. */
  headers: Record<string, string>;
  /** Arguments that the tool requires although the operation does not. */
  required: string[];
  /** Values for arguments that a call omits. */
  defaults: Record<string, string | number>;
  /** The tool as tools/list returns it. */
  definition: Tool;
}

export const apiVersion = "0.1.0";

export const mcpTools: McpTool[] = [
  {
    "operationId": "listTasks",
    "method": "GET",
    "path": "/api/tasks",
    "right": "read",
    "query": [
      "id",
      "account_id",
      "artist_account_id",
      "enabled",
      "q",
      "last_status",
      "runs",
      "limit",
      "cursor"
    ],
    "headers": {},
    "required": [],
    "defaults": {
      "limit": 20,
      "runs": "summary"
    },
    "definition": {
      "name": "get_tasks",
      "title": "List tasks",
      "description": "Lists scheduled tasks, newest first, each with its title, prompt, cron schedule, time zone, last five runs and next ten fire times.\n\nUse this tool to find the id of a task before you change, run or delete the task, and to check whether a task already exists before you create one. For the history of a task, use list_runs. For a run's output, use get_task_run_status.\n\nAn empty list means that no task matches. An error means that the lookup failed, not that there are no tasks. If the result has a next_cursor, more tasks follow: pass that value as cursor in the next call.",
      "inputSchema": {
        "type": "object",
        "properties": {
          "id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to the task with this id (a UUID)."
          },
          "account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to tasks of this account. Omit the argument unless you have an admin key."
          },
          "artist_account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to tasks for this artist account."
          },
          "enabled": {
            "type": "boolean",
            "description": "`true`: limits the result to enabled tasks, whose `enabled` is true or null. `false`: limits the result to disabled tasks."
          },
          "q": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "pattern": "^ *[^ \\x00]+( +[^ \\x00]+){0,7} *$",
            "description": "Limits the result to tasks whose title or prompt contains all of these words, one to eight, separated by spaces. A word also matches inside a longer word. Case-insensitive."
          },
          "last_status": {
            "type": "array",
            "minItems": 1,
            "maxItems": 12,
            "uniqueItems": true,
            "items": {
              "type": "string",
              "description": "Status of the run. COMPLETED, CANCELED, FAILED, CRASHED, INTERRUPTED and SYSTEM_FAILURE are final: the run has\nended, and its status never changes again. A run with any other status is waiting or executing.\n",
              "enum": [
                "PENDING_VERSION",
                "DELAYED",
                "QUEUED",
                "EXECUTING",
                "REATTEMPTING",
                "FROZEN",
                "COMPLETED",
                "CANCELED",
                "FAILED",
                "CRASHED",
                "INTERRUPTED",
                "SYSTEM_FAILURE"
              ]
            },
            "description": "Limits the result to tasks whose newest run has one of these statuses."
          },
          "runs": {
            "type": "string",
            "enum": [
              "full",
              "summary"
            ],
            "default": "summary",
            "description": "Fields of each run. `summary`: status, times and error. `full`: also payload, output and attempts, which can be long."
          },
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Maximum number of tasks in the result.",
            "default": 20
          },
          "cursor": {
            "type": "string",
            "minLength": 1,
            "maxLength": 512,
            "pattern": "^[A-Za-z0-9_-]+$",
            "description": "The next_cursor of the previous result. Keep the other arguments as in the previous call."
          }
        },
        "required": [],
        "additionalProperties": false
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "tasks"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "tasks": {
            "type": "array",
            "items": {
              "type": "object",
              "required": [
                "id",
                "title",
                "prompt",
                "schedule",
                "account_id",
                "artist_account_id",
                "enabled",
                "recent_runs",
                "upcoming",
                "owner_email"
              ],
              "properties": {
                "id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": "string"
                },
                "prompt": {
                  "type": "string"
                },
                "schedule": {
                  "type": "string"
                },
                "timezone": {
                  "type": "string"
                },
                "account_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "artist_account_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "enabled": {
                  "type": [
                    "boolean",
                    "null"
                  ],
                  "default": true
                },
                "trigger_schedule_id": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "engine_problem": {
                  "type": "string",
                  "maxLength": 1000
                },
                "recent_runs": {
                  "type": "array",
                  "maxItems": 5,
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "taskIdentifier",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "task_id": {
                        "type": "string",
                        "format": "uuid"
                      },
                      "title": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING_VERSION",
                          "DELAYED",
                          "QUEUED",
                          "EXECUTING",
                          "REATTEMPTING",
                          "FROZEN",
                          "COMPLETED",
                          "CANCELED",
                          "FAILED",
                          "CRASHED",
                          "INTERRUPTED",
                          "SYSTEM_FAILURE"
                        ]
                      },
                      "taskIdentifier": {
                        "type": "string"
                      },
                      "triggerFunction": {
                        "type": "string",
                        "enum": [
                          "trigger",
                          "triggerAndWait",
                          "batchTrigger",
                          "batchTriggerAndWait"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "finishedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "delayedUntil": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "expiredAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "ttl": {},
                      "idempotencyKey": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "version": {
                        "type": "string"
                      },
                      "isTest": {
                        "type": "boolean"
                      },
                      "tags": {
                        "type": "array",
                        "maxItems": 10,
                        "items": {
                          "type": "string"
                        }
                      },
                      "metadata": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      },
                      "costInCents": {
                        "type": "number"
                      },
                      "baseCostInCents": {
                        "type": "number"
                      },
                      "durationMs": {
                        "type": "number"
                      },
                      "env": {
                        "type": "object",
                        "required": [
                          "id",
                          "name"
                        ],
                        "properties": {
                          "id": {
                            "type": "string"
                          },
                          "name": {
                            "type": "string"
                          },
                          "user": {
                            "type": [
                              "string",
                              "null"
                            ]
                          }
                        }
                      },
                      "depth": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 2147483647
                      },
                      "batchId": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "payload": {},
                      "output": {},
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      },
                      "attempts": {
                        "type": "array",
                        "items": {
                          "type": "object",
                          "required": [
                            "id",
                            "status",
                            "createdAt",
                            "updatedAt"
                          ],
                          "properties": {
                            "id": {
                              "type": "string"
                            },
                            "status": {
                              "type": "string",
                              "enum": [
                                "PENDING",
                                "EXECUTING",
                                "PAUSED",
                                "COMPLETED",
                                "FAILED",
                                "CANCELED"
                              ]
                            },
                            "createdAt": {
                              "type": "string",
                              "format": "date-time"
                            },
                            "updatedAt": {
                              "type": "string",
                              "format": "date-time"
                            },
                            "startedAt": {
                              "type": [
                                "string",
                                "null"
                              ],
                              "format": "date-time"
                            },
                            "completedAt": {
                              "type": [
                                "string",
                                "null"
                              ],
                              "format": "date-time"
                            },
                            "error": {
                              "oneOf": [
                                {
                                  "type": "object",
                                  "required": [
                                    "message"
                                  ],
                                  "properties": {
                                    "message": {
                                      "type": "string"
                                    },
                                    "name": {
                                      "type": "string"
                                    },
                                    "stackTrace": {
                                      "type": "string"
                                    }
                                  }
                                },
                                {
                                  "type": "null"
                                }
                              ]
                            }
                          }
                        }
                      },
                      "schedule": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      },
                      "relatedRuns": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      }
                    }
                  }
                },
                "upcoming": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string",
                    "format": "date-time"
                  }
                },
                "owner_email": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "artist_name": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "model": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "overlap": {
                  "type": "string",
                  "enum": [
                    "skip",
                    "queue",
                    "allow"
                  ]
                },
                "catch_up": {
                  "type": "string",
                  "enum": [
                    "skip",
                    "once",
                    "all"
                  ]
                },
                "timeout_seconds": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 86400
                },
                "max_attempts": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 10
                },
                "created_at": {
                  "type": "string",
                  "format": "date-time"
                },
                "updated_at": {
                  "type": "string",
                  "format": "date-time"
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 512
          }
        }
      },
      "annotations": {
        "readOnlyHint": true,
        "destructiveHint": false,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "createTask",
    "method": "POST",
    "path": "/api/tasks",
    "right": "write",
    "query": [],
    "headers": {
      "idempotency_key": "Idempotency-Key"
    },
    "required": [],
    "defaults": {},
    "definition": {
      "name": "create_task",
      "title": "Create a task",
      "description": "Creates a task: a prompt that runs on a cron schedule until the task is disabled or deleted. The result explains the schedule in words and has the next fire times: show both to the user.\n\nUse this tool if the user wants something done regularly or at a certain time. Call get_tasks first to check that the task does not exist yet. If you are not sure what a cron expression means, call preview_schedule first. To run an existing task once, use run_task. To change a task, use update_task. While you execute a task yourself, never create one.\n\nSend an idempotency_key. If no answer arrives, repeat the call with the same key: only one task is created.",
      "inputSchema": {
        "type": "object",
        "additionalProperties": false,
        "required": [
          "title",
          "prompt",
          "schedule",
          "artist_account_id"
        ],
        "properties": {
          "title": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Human-readable name of the task."
          },
          "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100000,
            "pattern": "^[^\\x00]*$",
            "description": "The instruction that the executor gets in each run of the task."
          },
          "schedule": {
            "type": "string",
            "minLength": 9,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Cron expression of five fields, separated by spaces or tabs: minute (0–59), hour (0–23), day of month (1–31), month (1–12 or JAN–DEC), day of week (0–7 or SUN–SAT; 0 and 7 are Sunday). Example: `0 9 * * *` fires every day at 9:00.\n\nA field is one item, or several separated by commas. An item is `*` (all values), a value, a range `a-b` with a ≤ b, or a step. A step is `*` or a range, followed by `/n`. It selects the first value of the range and every n-th value after it; n is from 1 to the greatest value of the field. Numbers have one or two digits. Names have three letters and are case-insensitive; SUN is 0. Duplicate values in a field are allowed.\n\nA day field is unrestricted only if it is exactly `*`; `*` with a step, `*,1` and `1-31` are restricted. If both day fields are restricted, a day matches when either field matches. Otherwise, both must match.\n\nThe schedule must fire at least once in eight years: `0 0 30 2 *` is rejected because February 30 never occurs. `0 0 29 2 *` and `0 0 30 2 0-6/2` are accepted. Six-field expressions (with seconds), shorthands such as `@daily`, and `L`, `W`, `#`, `?` and `H` are also rejected."
          },
          "timezone": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": "^[^\\x00]*$",
            "description": "Time zone in which `schedule` applies; UTC by default. Must be the name of a zone or link in the IANA time zone database, in any letter case, e.g. `America/New_York` or `Asia/Kolkata`. Abbreviations that are not in the database, such as `BST`, are rejected."
          },
          "account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The account that will own the task. Required with an admin key; with any other key, omit it."
          },
          "artist_account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The artist account that the task is for."
          },
          "enabled": {
            "type": "boolean",
            "description": "Whether the task fires on its schedule; true by default."
          },
          "model": {
            "type": [
              "string",
              "null"
            ],
            "minLength": 1,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Name of the model that executes the prompt. Null means the default model of the engine."
          },
          "overlap": {
            "type": "string",
            "enum": [
              "skip",
              "queue",
              "allow"
            ],
            "description": "What happens if the task is due while another run of it is waiting or executing. `skip`: no run is created. `queue`: the new run waits until the other one has ended; if a run is already waiting, no run is created. `allow`: runs execute at the same time. Absent means `skip`."
          },
          "catch_up": {
            "type": "string",
            "enum": [
              "skip",
              "once",
              "all"
            ],
            "description": "Which missed fire times get a run as soon as an engine is running again. A fire time is missed if no engine is running within 60 seconds after it. `skip`: none. `once`: only the newest one. `all`: the newest 100, whose runs execute one after the other. Absent means `once`."
          },
          "timeout_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": 86400,
            "description": "Time limit of each attempt of a run, in seconds. An attempt that takes longer fails. Absent means 3,600."
          },
          "max_attempts": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10,
            "description": "Maximum number of attempts of a run. An attempt that did not reach the executor does not count. With 1, a run is not repeated if its work fails or if the process that executes it dies. Absent means 1."
          },
          "idempotency_key": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[!-~]+$",
            "description": "A value that identifies this creation, for example a new UUID. Within 24 hours, another call with the same key and arguments returns the first result and creates no second task."
          }
        }
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "tasks"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "tasks": {
            "type": "array",
            "items": {
              "type": "object",
              "required": [
                "id",
                "title",
                "prompt",
                "schedule",
                "account_id",
                "artist_account_id",
                "enabled",
                "recent_runs",
                "upcoming",
                "owner_email"
              ],
              "properties": {
                "id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": "string"
                },
                "prompt": {
                  "type": "string"
                },
                "schedule": {
                  "type": "string"
                },
                "timezone": {
                  "type": "string"
                },
                "account_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "artist_account_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "enabled": {
                  "type": [
                    "boolean",
                    "null"
                  ],
                  "default": true
                },
                "trigger_schedule_id": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "engine_problem": {
                  "type": "string",
                  "maxLength": 1000
                },
                "recent_runs": {
                  "type": "array",
                  "maxItems": 5,
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "taskIdentifier",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "task_id": {
                        "type": "string",
                        "format": "uuid"
                      },
                      "title": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING_VERSION",
                          "DELAYED",
                          "QUEUED",
                          "EXECUTING",
                          "REATTEMPTING",
                          "FROZEN",
                          "COMPLETED",
                          "CANCELED",
                          "FAILED",
                          "CRASHED",
                          "INTERRUPTED",
                          "SYSTEM_FAILURE"
                        ]
                      },
                      "taskIdentifier": {
                        "type": "string"
                      },
                      "triggerFunction": {
                        "type": "string",
                        "enum": [
                          "trigger",
                          "triggerAndWait",
                          "batchTrigger",
                          "batchTriggerAndWait"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "finishedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "delayedUntil": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "expiredAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "ttl": {},
                      "idempotencyKey": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "version": {
                        "type": "string"
                      },
                      "isTest": {
                        "type": "boolean"
                      },
                      "tags": {
                        "type": "array",
                        "maxItems": 10,
                        "items": {
                          "type": "string"
                        }
                      },
                      "metadata": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      },
                      "costInCents": {
                        "type": "number"
                      },
                      "baseCostInCents": {
                        "type": "number"
                      },
                      "durationMs": {
                        "type": "number"
                      },
                      "env": {
                        "type": "object",
                        "required": [
                          "id",
                          "name"
                        ],
                        "properties": {
                          "id": {
                            "type": "string"
                          },
                          "name": {
                            "type": "string"
                          },
                          "user": {
                            "type": [
                              "string",
                              "null"
                            ]
                          }
                        }
                      },
                      "depth": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 2147483647
                      },
                      "batchId": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "payload": {},
                      "output": {},
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      },
                      "attempts": {
                        "type": "array",
                        "items": {
                          "type": "object",
                          "required": [
                            "id",
                            "status",
                            "createdAt",
                            "updatedAt"
                          ],
                          "properties": {
                            "id": {
                              "type": "string"
                            },
                            "status": {
                              "type": "string",
                              "enum": [
                                "PENDING",
                                "EXECUTING",
                                "PAUSED",
                                "COMPLETED",
                                "FAILED",
                                "CANCELED"
                              ]
                            },
                            "createdAt": {
                              "type": "string",
                              "format": "date-time"
                            },
                            "updatedAt": {
                              "type": "string",
                              "format": "date-time"
                            },
                            "startedAt": {
                              "type": [
                                "string",
                                "null"
                              ],
                              "format": "date-time"
                            },
                            "completedAt": {
                              "type": [
                                "string",
                                "null"
                              ],
                              "format": "date-time"
                            },
                            "error": {
                              "oneOf": [
                                {
                                  "type": "object",
                                  "required": [
                                    "message"
                                  ],
                                  "properties": {
                                    "message": {
                                      "type": "string"
                                    },
                                    "name": {
                                      "type": "string"
                                    },
                                    "stackTrace": {
                                      "type": "string"
                                    }
                                  }
                                },
                                {
                                  "type": "null"
                                }
                              ]
                            }
                          }
                        }
                      },
                      "schedule": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      },
                      "relatedRuns": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      }
                    }
                  }
                },
                "upcoming": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string",
                    "format": "date-time"
                  }
                },
                "owner_email": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "artist_name": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "model": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "overlap": {
                  "type": "string",
                  "enum": [
                    "skip",
                    "queue",
                    "allow"
                  ]
                },
                "catch_up": {
                  "type": "string",
                  "enum": [
                    "skip",
                    "once",
                    "all"
                  ]
                },
                "timeout_seconds": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 86400
                },
                "max_attempts": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 10
                },
                "created_at": {
                  "type": "string",
                  "format": "date-time"
                },
                "updated_at": {
                  "type": "string",
                  "format": "date-time"
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 512
          }
        }
      },
      "annotations": {
        "readOnlyHint": false,
        "destructiveHint": false,
        "idempotentHint": false,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "updateTask",
    "method": "PATCH",
    "path": "/api/tasks",
    "right": "write",
    "query": [],
    "headers": {},
    "required": [],
    "defaults": {},
    "definition": {
      "name": "update_task",
      "title": "Change a task",
      "description": "Changes only the given fields of a task. Returns the whole task after the change.\n\nUse this tool to pause a task (enabled: false), to resume it (enabled: true), or to change its title, prompt, schedule or time zone. Do not delete and recreate a task to change it. To run a task now, use run_task.",
      "inputSchema": {
        "type": "object",
        "additionalProperties": false,
        "required": [
          "id"
        ],
        "minProperties": 2,
        "dependentSchemas": {
          "account_id": {
            "minProperties": 3
          }
        },
        "properties": {
          "id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The `id` of the task to change."
          },
          "title": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Human-readable name of the task."
          },
          "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100000,
            "pattern": "^[^\\x00]*$",
            "description": "The instruction that the executor gets in each run of the task."
          },
          "schedule": {
            "type": "string",
            "minLength": 9,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Cron expression of five fields, separated by spaces or tabs: minute (0–59), hour (0–23), day of month (1–31), month (1–12 or JAN–DEC), day of week (0–7 or SUN–SAT; 0 and 7 are Sunday). Example: `0 9 * * *` fires every day at 9:00.\n\nA field is one item, or several separated by commas. An item is `*` (all values), a value, a range `a-b` with a ≤ b, or a step. A step is `*` or a range, followed by `/n`. It selects the first value of the range and every n-th value after it; n is from 1 to the greatest value of the field. Numbers have one or two digits. Names have three letters and are case-insensitive; SUN is 0. Duplicate values in a field are allowed.\n\nA day field is unrestricted only if it is exactly `*`; `*` with a step, `*,1` and `1-31` are restricted. If both day fields are restricted, a day matches when either field matches. Otherwise, both must match.\n\nThe schedule must fire at least once in eight years: `0 0 30 2 *` is rejected because February 30 never occurs. `0 0 29 2 *` and `0 0 30 2 0-6/2` are accepted. Six-field expressions (with seconds), shorthands such as `@daily`, and `L`, `W`, `#`, `?` and `H` are also rejected."
          },
          "timezone": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": "^[^\\x00]*$",
            "description": "Time zone in which `schedule` applies. If omitted, the task keeps its time zone, even if the request changes `schedule`. Must be the name of a zone or link in the IANA time zone database, in any letter case, e.g. `America/New_York` or `Asia/Kolkata`. Abbreviations that are not in the database, such as `BST`, are rejected."
          },
          "account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The account that owns the task. Omit the argument unless you have an admin key and act for this account."
          },
          "artist_account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The artist account that the task is for from now on."
          },
          "enabled": {
            "type": [
              "boolean",
              "null"
            ],
            "description": "Whether the task fires on its schedule. Null counts as true."
          },
          "model": {
            "type": [
              "string",
              "null"
            ],
            "minLength": 1,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Name of the model that executes the prompt. Null means the default model of the engine."
          },
          "overlap": {
            "type": [
              "string",
              "null"
            ],
            "enum": [
              "skip",
              "queue",
              "allow",
              null
            ],
            "description": "What happens if the task is due while another run of it is waiting or executing. `skip`: no run is created. `queue`: the new run waits until the other one has ended; if a run is already waiting, no run is created. `allow`: runs execute at the same time. Null restores the default, `skip`."
          },
          "catch_up": {
            "type": [
              "string",
              "null"
            ],
            "enum": [
              "skip",
              "once",
              "all",
              null
            ],
            "description": "Which missed fire times get a run as soon as an engine is running again. A fire time is missed if no engine is running within 60 seconds after it. `skip`: none. `once`: only the newest one. `all`: the newest 100, whose runs execute one after the other. Null restores the default, `once`."
          },
          "timeout_seconds": {
            "type": [
              "integer",
              "null"
            ],
            "minimum": 1,
            "maximum": 86400,
            "description": "Time limit of each attempt of a run, in seconds. An attempt that takes longer fails. Null restores the default, 3,600."
          },
          "max_attempts": {
            "type": [
              "integer",
              "null"
            ],
            "minimum": 1,
            "maximum": 10,
            "description": "Maximum number of attempts of a run. An attempt that did not reach the executor does not count. With 1, a run is not repeated if its work fails or if the process that executes it dies. Null restores the default, 1."
          }
        }
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "tasks"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "tasks": {
            "type": "array",
            "items": {
              "type": "object",
              "required": [
                "id",
                "title",
                "prompt",
                "schedule",
                "account_id",
                "artist_account_id",
                "enabled",
                "recent_runs",
                "upcoming",
                "owner_email"
              ],
              "properties": {
                "id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": "string"
                },
                "prompt": {
                  "type": "string"
                },
                "schedule": {
                  "type": "string"
                },
                "timezone": {
                  "type": "string"
                },
                "account_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "artist_account_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "enabled": {
                  "type": [
                    "boolean",
                    "null"
                  ],
                  "default": true
                },
                "trigger_schedule_id": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "engine_problem": {
                  "type": "string",
                  "maxLength": 1000
                },
                "recent_runs": {
                  "type": "array",
                  "maxItems": 5,
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "taskIdentifier",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "task_id": {
                        "type": "string",
                        "format": "uuid"
                      },
                      "title": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING_VERSION",
                          "DELAYED",
                          "QUEUED",
                          "EXECUTING",
                          "REATTEMPTING",
                          "FROZEN",
                          "COMPLETED",
                          "CANCELED",
                          "FAILED",
                          "CRASHED",
                          "INTERRUPTED",
                          "SYSTEM_FAILURE"
                        ]
                      },
                      "taskIdentifier": {
                        "type": "string"
                      },
                      "triggerFunction": {
                        "type": "string",
                        "enum": [
                          "trigger",
                          "triggerAndWait",
                          "batchTrigger",
                          "batchTriggerAndWait"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "finishedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "delayedUntil": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "expiredAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "ttl": {},
                      "idempotencyKey": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "version": {
                        "type": "string"
                      },
                      "isTest": {
                        "type": "boolean"
                      },
                      "tags": {
                        "type": "array",
                        "maxItems": 10,
                        "items": {
                          "type": "string"
                        }
                      },
                      "metadata": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      },
                      "costInCents": {
                        "type": "number"
                      },
                      "baseCostInCents": {
                        "type": "number"
                      },
                      "durationMs": {
                        "type": "number"
                      },
                      "env": {
                        "type": "object",
                        "required": [
                          "id",
                          "name"
                        ],
                        "properties": {
                          "id": {
                            "type": "string"
                          },
                          "name": {
                            "type": "string"
                          },
                          "user": {
                            "type": [
                              "string",
                              "null"
                            ]
                          }
                        }
                      },
                      "depth": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 2147483647
                      },
                      "batchId": {
                        "type": [
                          "string",
                          "null"
                        ]
                      },
                      "payload": {},
                      "output": {},
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      },
                      "attempts": {
                        "type": "array",
                        "items": {
                          "type": "object",
                          "required": [
                            "id",
                            "status",
                            "createdAt",
                            "updatedAt"
                          ],
                          "properties": {
                            "id": {
                              "type": "string"
                            },
                            "status": {
                              "type": "string",
                              "enum": [
                                "PENDING",
                                "EXECUTING",
                                "PAUSED",
                                "COMPLETED",
                                "FAILED",
                                "CANCELED"
                              ]
                            },
                            "createdAt": {
                              "type": "string",
                              "format": "date-time"
                            },
                            "updatedAt": {
                              "type": "string",
                              "format": "date-time"
                            },
                            "startedAt": {
                              "type": [
                                "string",
                                "null"
                              ],
                              "format": "date-time"
                            },
                            "completedAt": {
                              "type": [
                                "string",
                                "null"
                              ],
                              "format": "date-time"
                            },
                            "error": {
                              "oneOf": [
                                {
                                  "type": "object",
                                  "required": [
                                    "message"
                                  ],
                                  "properties": {
                                    "message": {
                                      "type": "string"
                                    },
                                    "name": {
                                      "type": "string"
                                    },
                                    "stackTrace": {
                                      "type": "string"
                                    }
                                  }
                                },
                                {
                                  "type": "null"
                                }
                              ]
                            }
                          }
                        }
                      },
                      "schedule": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      },
                      "relatedRuns": {
                        "type": [
                          "object",
                          "null"
                        ],
                        "additionalProperties": true
                      }
                    }
                  }
                },
                "upcoming": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string",
                    "format": "date-time"
                  }
                },
                "owner_email": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "artist_name": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "model": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "overlap": {
                  "type": "string",
                  "enum": [
                    "skip",
                    "queue",
                    "allow"
                  ]
                },
                "catch_up": {
                  "type": "string",
                  "enum": [
                    "skip",
                    "once",
                    "all"
                  ]
                },
                "timeout_seconds": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 86400
                },
                "max_attempts": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 10
                },
                "created_at": {
                  "type": "string",
                  "format": "date-time"
                },
                "updated_at": {
                  "type": "string",
                  "format": "date-time"
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 512
          }
        }
      },
      "annotations": {
        "readOnlyHint": false,
        "destructiveHint": true,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "deleteTask",
    "method": "DELETE",
    "path": "/api/tasks",
    "right": "write",
    "query": [],
    "headers": {},
    "required": [],
    "defaults": {},
    "definition": {
      "name": "delete_task",
      "title": "Delete a task",
      "description": "Deletes a task permanently. The task never fires again, and its runs can still be read.\n\nUse this tool only if the user wants to remove the task. To pause a task, use update_task with enabled: false. To stop a run that is executing, use cancel_run.",
      "inputSchema": {
        "type": "object",
        "additionalProperties": false,
        "required": [
          "id"
        ],
        "properties": {
          "id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The `id` of the task to delete."
          },
          "account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The account that owns the task. Omit the argument unless you have an admin key and act for this account."
          }
        }
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success"
            ]
          }
        }
      },
      "annotations": {
        "readOnlyHint": false,
        "destructiveHint": true,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "listRuns",
    "method": "GET",
    "path": "/api/tasks/runs",
    "right": "read",
    "query": [
      "runId"
    ],
    "headers": {},
    "required": [
      "runId"
    ],
    "defaults": {},
    "definition": {
      "name": "get_task_run_status",
      "title": "Get a run",
      "description": "Returns one run with all its fields, including its status, times, output and error.\n\nUse this tool to follow a run that run_task has queued, or to read the output or error of a run from get_tasks or list_runs. The tool takes the id of a run, not of a task. To find the runs of a task, use list_runs.\n\nA run with the status COMPLETED, CANCELED, FAILED, CRASHED, INTERRUPTED or SYSTEM_FAILURE has ended. With any other status, wait a few seconds before you call again. A run can take many minutes.",
      "inputSchema": {
        "type": "object",
        "properties": {
          "runId": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[^\\x00]*$",
            "description": "The id of the run, which usually starts with `run_`."
          }
        },
        "required": [
          "runId"
        ],
        "additionalProperties": false
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "runs"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "runs": {
            "type": "array",
            "maxItems": 100,
            "items": {
              "type": "object",
              "required": [
                "id",
                "status",
                "taskIdentifier",
                "createdAt",
                "updatedAt"
              ],
              "properties": {
                "id": {
                  "type": "string"
                },
                "task_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "status": {
                  "type": "string",
                  "enum": [
                    "PENDING_VERSION",
                    "DELAYED",
                    "QUEUED",
                    "EXECUTING",
                    "REATTEMPTING",
                    "FROZEN",
                    "COMPLETED",
                    "CANCELED",
                    "FAILED",
                    "CRASHED",
                    "INTERRUPTED",
                    "SYSTEM_FAILURE"
                  ]
                },
                "taskIdentifier": {
                  "type": "string"
                },
                "triggerFunction": {
                  "type": "string",
                  "enum": [
                    "trigger",
                    "triggerAndWait",
                    "batchTrigger",
                    "batchTriggerAndWait"
                  ]
                },
                "createdAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "updatedAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "startedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "finishedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "delayedUntil": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "expiredAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "ttl": {},
                "idempotencyKey": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "version": {
                  "type": "string"
                },
                "isTest": {
                  "type": "boolean"
                },
                "tags": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string"
                  }
                },
                "metadata": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "costInCents": {
                  "type": "number"
                },
                "baseCostInCents": {
                  "type": "number"
                },
                "durationMs": {
                  "type": "number"
                },
                "env": {
                  "type": "object",
                  "required": [
                    "id",
                    "name"
                  ],
                  "properties": {
                    "id": {
                      "type": "string"
                    },
                    "name": {
                      "type": "string"
                    },
                    "user": {
                      "type": [
                        "string",
                        "null"
                      ]
                    }
                  }
                },
                "depth": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 2147483647
                },
                "batchId": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "payload": {},
                "output": {},
                "error": {
                  "oneOf": [
                    {
                      "type": "object",
                      "required": [
                        "message"
                      ],
                      "properties": {
                        "message": {
                          "type": "string"
                        },
                        "name": {
                          "type": "string"
                        },
                        "stackTrace": {
                          "type": "string"
                        }
                      }
                    },
                    {
                      "type": "null"
                    }
                  ]
                },
                "attempts": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING",
                          "EXECUTING",
                          "PAUSED",
                          "COMPLETED",
                          "FAILED",
                          "CANCELED"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "completedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      }
                    }
                  }
                },
                "schedule": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "relatedRuns": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 4096
          }
        }
      },
      "annotations": {
        "readOnlyHint": true,
        "destructiveHint": false,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "listRuns",
    "method": "GET",
    "path": "/api/tasks/runs",
    "right": "read",
    "query": [
      "limit",
      "cursor",
      "account_id",
      "task_id",
      "status",
      "from",
      "to"
    ],
    "headers": {},
    "required": [],
    "defaults": {},
    "definition": {
      "name": "list_runs",
      "title": "List runs",
      "description": "Lists runs of tasks, newest first, with their status and times, but without payload, output, error and attempts.\n\nUse this tool for the history of a task, or to find failed runs. For a run's output or error, use get_task_run_status. For fire times that created no run, use list_occurrences.\n\nIf the result has a next_cursor, more runs follow: pass that value as cursor in the next call.",
      "inputSchema": {
        "type": "object",
        "properties": {
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 20,
            "description": "Maximum number of runs in the result."
          },
          "cursor": {
            "type": "string",
            "minLength": 1,
            "maxLength": 4096,
            "pattern": "^[A-Za-z0-9_-]+$",
            "description": "The next_cursor of the previous result. Keep the other arguments as in the previous call."
          },
          "account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to runs of this account's tasks. Omit the argument unless you have an admin key."
          },
          "task_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to runs of this task."
          },
          "status": {
            "type": "array",
            "minItems": 1,
            "maxItems": 12,
            "uniqueItems": true,
            "items": {
              "type": "string",
              "description": "Status of the run. COMPLETED, CANCELED, FAILED, CRASHED, INTERRUPTED and SYSTEM_FAILURE are final: the run has\nended, and its status never changes again. A run with any other status is waiting or executing.\n",
              "enum": [
                "PENDING_VERSION",
                "DELAYED",
                "QUEUED",
                "EXECUTING",
                "REATTEMPTING",
                "FROZEN",
                "COMPLETED",
                "CANCELED",
                "FAILED",
                "CRASHED",
                "INTERRUPTED",
                "SYSTEM_FAILURE"
              ]
            },
            "description": "Limits the result to runs with one of these statuses."
          },
          "from": {
            "type": "string",
            "format": "date-time",
            "minLength": 20,
            "maxLength": 35,
            "pattern": "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
            "description": "Limits the result to runs created at or after this instant (RFC 3339, e.g. `2026-11-19T00:00:00Z`)."
          },
          "to": {
            "type": "string",
            "format": "date-time",
            "minLength": 20,
            "maxLength": 35,
            "pattern": "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
            "description": "Limits the result to runs created before this instant (RFC 3339, e.g. `2026-11-20T00:00:00Z`)."
          }
        },
        "required": [],
        "additionalProperties": false
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "runs"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "runs": {
            "type": "array",
            "maxItems": 100,
            "items": {
              "type": "object",
              "required": [
                "id",
                "status",
                "taskIdentifier",
                "createdAt",
                "updatedAt"
              ],
              "properties": {
                "id": {
                  "type": "string"
                },
                "task_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "status": {
                  "type": "string",
                  "enum": [
                    "PENDING_VERSION",
                    "DELAYED",
                    "QUEUED",
                    "EXECUTING",
                    "REATTEMPTING",
                    "FROZEN",
                    "COMPLETED",
                    "CANCELED",
                    "FAILED",
                    "CRASHED",
                    "INTERRUPTED",
                    "SYSTEM_FAILURE"
                  ]
                },
                "taskIdentifier": {
                  "type": "string"
                },
                "triggerFunction": {
                  "type": "string",
                  "enum": [
                    "trigger",
                    "triggerAndWait",
                    "batchTrigger",
                    "batchTriggerAndWait"
                  ]
                },
                "createdAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "updatedAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "startedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "finishedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "delayedUntil": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "expiredAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "ttl": {},
                "idempotencyKey": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "version": {
                  "type": "string"
                },
                "isTest": {
                  "type": "boolean"
                },
                "tags": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string"
                  }
                },
                "metadata": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "costInCents": {
                  "type": "number"
                },
                "baseCostInCents": {
                  "type": "number"
                },
                "durationMs": {
                  "type": "number"
                },
                "env": {
                  "type": "object",
                  "required": [
                    "id",
                    "name"
                  ],
                  "properties": {
                    "id": {
                      "type": "string"
                    },
                    "name": {
                      "type": "string"
                    },
                    "user": {
                      "type": [
                        "string",
                        "null"
                      ]
                    }
                  }
                },
                "depth": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 2147483647
                },
                "batchId": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "payload": {},
                "output": {},
                "error": {
                  "oneOf": [
                    {
                      "type": "object",
                      "required": [
                        "message"
                      ],
                      "properties": {
                        "message": {
                          "type": "string"
                        },
                        "name": {
                          "type": "string"
                        },
                        "stackTrace": {
                          "type": "string"
                        }
                      }
                    },
                    {
                      "type": "null"
                    }
                  ]
                },
                "attempts": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING",
                          "EXECUTING",
                          "PAUSED",
                          "COMPLETED",
                          "FAILED",
                          "CANCELED"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "completedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      }
                    }
                  }
                },
                "schedule": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "relatedRuns": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 4096
          }
        }
      },
      "annotations": {
        "readOnlyHint": true,
        "destructiveHint": false,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "runTask",
    "method": "POST",
    "path": "/api/tasks/runs",
    "right": "run",
    "query": [],
    "headers": {
      "idempotency_key": "Idempotency-Key"
    },
    "required": [],
    "defaults": {},
    "definition": {
      "name": "run_task",
      "title": "Run a task now",
      "description": "Queues a run of a task now, independent of the task's schedule and even if the task is disabled. Returns the run, usually with the status QUEUED. This is not a dry run: the prompt is executed.\n\nUse this tool if the user wants a task executed now. For something that happens regularly, change the schedule with update_task. Follow the run with get_task_run_status.\n\nSend an idempotency_key. If no answer arrives, repeat the call with the same key: only one run is queued. The error no_engine means that nothing executes tasks at the moment.",
      "inputSchema": {
        "type": "object",
        "additionalProperties": false,
        "required": [
          "task_id"
        ],
        "properties": {
          "task_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "The `id` of the task to run."
          },
          "payload": {
            "description": "Input of the run: any JSON value of at most 256 KiB. The executor receives the value as `payload.input`."
          },
          "idempotency_key": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[!-~]+$",
            "description": "A value that identifies this run, for example a new UUID. Within 24 hours, another call with the same key and arguments returns the first run and queues no second one."
          }
        }
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "runs"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "runs": {
            "type": "array",
            "maxItems": 100,
            "items": {
              "type": "object",
              "required": [
                "id",
                "status",
                "taskIdentifier",
                "createdAt",
                "updatedAt"
              ],
              "properties": {
                "id": {
                  "type": "string"
                },
                "task_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "status": {
                  "type": "string",
                  "enum": [
                    "PENDING_VERSION",
                    "DELAYED",
                    "QUEUED",
                    "EXECUTING",
                    "REATTEMPTING",
                    "FROZEN",
                    "COMPLETED",
                    "CANCELED",
                    "FAILED",
                    "CRASHED",
                    "INTERRUPTED",
                    "SYSTEM_FAILURE"
                  ]
                },
                "taskIdentifier": {
                  "type": "string"
                },
                "triggerFunction": {
                  "type": "string",
                  "enum": [
                    "trigger",
                    "triggerAndWait",
                    "batchTrigger",
                    "batchTriggerAndWait"
                  ]
                },
                "createdAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "updatedAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "startedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "finishedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "delayedUntil": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "expiredAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "ttl": {},
                "idempotencyKey": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "version": {
                  "type": "string"
                },
                "isTest": {
                  "type": "boolean"
                },
                "tags": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string"
                  }
                },
                "metadata": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "costInCents": {
                  "type": "number"
                },
                "baseCostInCents": {
                  "type": "number"
                },
                "durationMs": {
                  "type": "number"
                },
                "env": {
                  "type": "object",
                  "required": [
                    "id",
                    "name"
                  ],
                  "properties": {
                    "id": {
                      "type": "string"
                    },
                    "name": {
                      "type": "string"
                    },
                    "user": {
                      "type": [
                        "string",
                        "null"
                      ]
                    }
                  }
                },
                "depth": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 2147483647
                },
                "batchId": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "payload": {},
                "output": {},
                "error": {
                  "oneOf": [
                    {
                      "type": "object",
                      "required": [
                        "message"
                      ],
                      "properties": {
                        "message": {
                          "type": "string"
                        },
                        "name": {
                          "type": "string"
                        },
                        "stackTrace": {
                          "type": "string"
                        }
                      }
                    },
                    {
                      "type": "null"
                    }
                  ]
                },
                "attempts": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING",
                          "EXECUTING",
                          "PAUSED",
                          "COMPLETED",
                          "FAILED",
                          "CANCELED"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "completedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      }
                    }
                  }
                },
                "schedule": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "relatedRuns": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 4096
          }
        }
      },
      "annotations": {
        "readOnlyHint": false,
        "destructiveHint": false,
        "idempotentHint": false,
        "openWorldHint": true
      }
    }
  },
  {
    "operationId": "cancelRun",
    "method": "POST",
    "path": "/api/tasks/runs/cancel",
    "right": "run",
    "query": [],
    "headers": {},
    "required": [],
    "defaults": {},
    "definition": {
      "name": "cancel_run",
      "title": "Cancel a run",
      "description": "Cancels a run that is waiting or executing, and returns the run in its current state.\n\nUse this tool if the user wants to stop a run. To stop future runs of the task, use update_task with enabled: false. A run that has ended is returned unchanged. An executing run stays EXECUTING until its work has stopped: check the run with get_task_run_status.",
      "inputSchema": {
        "type": "object",
        "additionalProperties": false,
        "required": [
          "runId"
        ],
        "properties": {
          "runId": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[^\\x00]*$",
            "description": "The `id` of the run to cancel."
          }
        }
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "runs"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "runs": {
            "type": "array",
            "maxItems": 100,
            "items": {
              "type": "object",
              "required": [
                "id",
                "status",
                "taskIdentifier",
                "createdAt",
                "updatedAt"
              ],
              "properties": {
                "id": {
                  "type": "string"
                },
                "task_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "title": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "status": {
                  "type": "string",
                  "enum": [
                    "PENDING_VERSION",
                    "DELAYED",
                    "QUEUED",
                    "EXECUTING",
                    "REATTEMPTING",
                    "FROZEN",
                    "COMPLETED",
                    "CANCELED",
                    "FAILED",
                    "CRASHED",
                    "INTERRUPTED",
                    "SYSTEM_FAILURE"
                  ]
                },
                "taskIdentifier": {
                  "type": "string"
                },
                "triggerFunction": {
                  "type": "string",
                  "enum": [
                    "trigger",
                    "triggerAndWait",
                    "batchTrigger",
                    "batchTriggerAndWait"
                  ]
                },
                "createdAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "updatedAt": {
                  "type": "string",
                  "format": "date-time"
                },
                "startedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "finishedAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "delayedUntil": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "expiredAt": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "format": "date-time"
                },
                "ttl": {},
                "idempotencyKey": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "version": {
                  "type": "string"
                },
                "isTest": {
                  "type": "boolean"
                },
                "tags": {
                  "type": "array",
                  "maxItems": 10,
                  "items": {
                    "type": "string"
                  }
                },
                "metadata": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "costInCents": {
                  "type": "number"
                },
                "baseCostInCents": {
                  "type": "number"
                },
                "durationMs": {
                  "type": "number"
                },
                "env": {
                  "type": "object",
                  "required": [
                    "id",
                    "name"
                  ],
                  "properties": {
                    "id": {
                      "type": "string"
                    },
                    "name": {
                      "type": "string"
                    },
                    "user": {
                      "type": [
                        "string",
                        "null"
                      ]
                    }
                  }
                },
                "depth": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 2147483647
                },
                "batchId": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "payload": {},
                "output": {},
                "error": {
                  "oneOf": [
                    {
                      "type": "object",
                      "required": [
                        "message"
                      ],
                      "properties": {
                        "message": {
                          "type": "string"
                        },
                        "name": {
                          "type": "string"
                        },
                        "stackTrace": {
                          "type": "string"
                        }
                      }
                    },
                    {
                      "type": "null"
                    }
                  ]
                },
                "attempts": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": [
                      "id",
                      "status",
                      "createdAt",
                      "updatedAt"
                    ],
                    "properties": {
                      "id": {
                        "type": "string"
                      },
                      "status": {
                        "type": "string",
                        "enum": [
                          "PENDING",
                          "EXECUTING",
                          "PAUSED",
                          "COMPLETED",
                          "FAILED",
                          "CANCELED"
                        ]
                      },
                      "createdAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "updatedAt": {
                        "type": "string",
                        "format": "date-time"
                      },
                      "startedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "completedAt": {
                        "type": [
                          "string",
                          "null"
                        ],
                        "format": "date-time"
                      },
                      "error": {
                        "oneOf": [
                          {
                            "type": "object",
                            "required": [
                              "message"
                            ],
                            "properties": {
                              "message": {
                                "type": "string"
                              },
                              "name": {
                                "type": "string"
                              },
                              "stackTrace": {
                                "type": "string"
                              }
                            }
                          },
                          {
                            "type": "null"
                          }
                        ]
                      }
                    }
                  }
                },
                "schedule": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                },
                "relatedRuns": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": true
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 4096
          }
        }
      },
      "annotations": {
        "readOnlyHint": false,
        "destructiveHint": true,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "listOccurrences",
    "method": "GET",
    "path": "/api/tasks/occurrences",
    "right": "read",
    "query": [
      "task_id",
      "account_id",
      "from",
      "to",
      "outcome",
      "limit",
      "cursor"
    ],
    "headers": {},
    "required": [],
    "defaults": {
      "limit": 20
    },
    "definition": {
      "name": "list_occurrences",
      "title": "List past fire times",
      "description": "Lists past fire times of tasks with their outcomes, newest first: `fired` (a run was queued), `skipped` (a run of the task was still waiting or executing) or `missed` (the service executed no tasks at that time).\n\nUse this tool to find out why a task did not run. For future fire times, see `upcoming` in the result of get_tasks. For runs, use list_runs. For a run's output or error, use get_task_run_status.\n\nIf the result has a next_cursor, more occurrences follow: pass that value as cursor in the next call.",
      "inputSchema": {
        "type": "object",
        "properties": {
          "task_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to occurrences of this task."
          },
          "account_id": {
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "description": "Limits the result to occurrences of this account's tasks. Omit the argument unless you have an admin key."
          },
          "from": {
            "type": "string",
            "format": "date-time",
            "minLength": 20,
            "maxLength": 35,
            "pattern": "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
            "description": "Limits the result to fire times at or after this instant (RFC 3339, e.g. `2026-11-19T00:00:00Z`). If omitted, seven days before the call."
          },
          "to": {
            "type": "string",
            "format": "date-time",
            "minLength": 20,
            "maxLength": 35,
            "pattern": "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
            "description": "Limits the result to fire times before this instant (RFC 3339, e.g. `2026-11-20T00:00:00Z`)."
          },
          "outcome": {
            "type": "string",
            "enum": [
              "fired",
              "skipped",
              "missed"
            ],
            "description": "Limits the result to occurrences with this outcome."
          },
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 20,
            "description": "Maximum number of occurrences in the result."
          },
          "cursor": {
            "type": "string",
            "minLength": 1,
            "maxLength": 512,
            "pattern": "^[A-Za-z0-9_-]+$",
            "description": "The next_cursor of the previous result. Keep the other arguments as in the previous call."
          }
        },
        "required": [],
        "additionalProperties": false
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "occurrences"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success",
              "error"
            ]
          },
          "occurrences": {
            "type": "array",
            "maxItems": 1000,
            "items": {
              "type": "object",
              "required": [
                "task_id",
                "scheduled_at",
                "outcome"
              ],
              "properties": {
                "task_id": {
                  "type": "string",
                  "format": "uuid"
                },
                "scheduled_at": {
                  "type": "string",
                  "format": "date-time"
                },
                "outcome": {
                  "type": "string",
                  "enum": [
                    "fired",
                    "skipped",
                    "missed"
                  ]
                },
                "run_id": {
                  "type": "string"
                },
                "reason": {
                  "type": "string"
                },
                "last_scheduled_at": {
                  "type": "string",
                  "format": "date-time"
                },
                "count": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 2147483647
                }
              }
            }
          },
          "error": {
            "type": "string"
          },
          "code": {
            "type": "string",
            "enum": [
              "invalid_parameter",
              "unknown_parameter",
              "invalid_cursor",
              "malformed_request",
              "malformed_body",
              "invalid_body",
              "invalid_schedule",
              "invalid_timezone",
              "too_many_tasks",
              "missing_credentials",
              "invalid_credentials",
              "account_forbidden",
              "admin_required",
              "right_required",
              "foreign_origin",
              "not_found",
              "task_not_found",
              "run_not_found",
              "method_not_allowed",
              "not_acceptable",
              "request_timeout",
              "run_of_another_task",
              "run_of_the_engine",
              "no_engine",
              "not_cancelable",
              "body_too_large",
              "uri_too_long",
              "unsupported_media_type",
              "idempotency_key_reused",
              "not_supported",
              "rate_limited",
              "too_many_queued",
              "headers_too_large",
              "internal_error",
              "database_unavailable",
              "service_overloaded",
              "too_busy",
              "not_ready"
            ]
          },
          "request_id": {
            "type": "string"
          },
          "next_cursor": {
            "type": "string",
            "maxLength": 512
          }
        }
      },
      "annotations": {
        "readOnlyHint": true,
        "destructiveHint": false,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  },
  {
    "operationId": "previewSchedule",
    "method": "GET",
    "path": "/api/schedules/preview",
    "right": "read",
    "query": [
      "schedule",
      "timezone"
    ],
    "headers": {},
    "required": [],
    "defaults": {},
    "definition": {
      "name": "preview_schedule",
      "title": "Explain a schedule",
      "description": "Explains a cron expression in a time zone, in words and with its next ten fire times. Changes nothing.\n\nUse this tool before create_task or update_task to check that an expression means what the user wants. For the fire times of an existing task, see `upcoming` in the result of get_tasks.",
      "inputSchema": {
        "type": "object",
        "properties": {
          "schedule": {
            "type": "string",
            "minLength": 9,
            "maxLength": 200,
            "pattern": "^[^\\x00]*$",
            "description": "Cron expression of five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday), e.g. `0 9 * * 4` for Thursdays at 9:00."
          },
          "timezone": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": "^[^\\x00]*$",
            "description": "Time zone of `schedule`; UTC by default. Must be the name of a zone or link in the IANA time zone database, in any letter case, e.g. `America/New_York`."
          }
        },
        "required": [
          "schedule"
        ],
        "additionalProperties": false
      },
      "outputSchema": {
        "type": "object",
        "required": [
          "status",
          "schedule",
          "timezone",
          "words",
          "upcoming"
        ],
        "properties": {
          "status": {
            "type": "string",
            "enum": [
              "success"
            ]
          },
          "schedule": {
            "type": "string",
            "maxLength": 500
          },
          "timezone": {
            "type": "string",
            "maxLength": 64
          },
          "words": {
            "type": "string",
            "maxLength": 2000
          },
          "upcoming": {
            "type": "array",
            "minItems": 10,
            "maxItems": 10,
            "items": {
              "type": "string",
              "format": "date-time"
            }
          }
        }
      },
      "annotations": {
        "readOnlyHint": true,
        "destructiveHint": false,
        "idempotentHint": true,
        "openWorldHint": false
      }
    }
  }
];
